/** Builds the decoder of Kandinsky 2.2 from a folder in the layout of diffusers. */
import type { UnetSource } from "../../config/load-config-data.js";
import { WeightStore } from "../../weights/weight-store.js";
import { NETWORK_WEIGHTS, openComponent } from "../diffusers/component-weights.js";
import { ddpmSchedulerOptions } from "../diffusers/config/ddpm-scheduler-config.js";
import { LATENT_CHANNELS, UNET_NAME } from "../diffusers/latents/latents.js";
import { folderOf, onlyUnet } from "../diffusers/requested-folder.js";
import { differs, readOptions, readSchedulerOptions, refuse } from "../diffusers/read-options.js";
import { DdpmScheduler } from "../diffusers/scheduler/ddpm-scheduler.js";
import type { BuildRequest, Declared } from "../family.js";
import type { OpenedFolder } from "../opened.js";
import { movqOptions } from "./config/movq-config.js";
import { kandinskyUnetOptions } from "./config/unet-config.js";
import { DecoderStage, MOVQ_NAME, type DecoderStageOptions } from "./decoder/decoder-stage.js";
import { KandinskyCascade } from "./decoder/kandinsky-cascade.js";
import { componentsIn } from "./components-in.js";
import { FAMILY, type DecoderComponents } from "./layouts.js";

/** The options of a decoder. Rejects with `FileError`, or `ConfigError` for options that are not supported or do not fit. */
export async function readDecoder(folder: OpenedFolder, components: DecoderComponents): Promise<DecoderStageOptions> {
  const unet = await readOptions(folder, components.unet, kandinskyUnetOptions);
  const movq = await readOptions(folder, components.movq, movqOptions);
  const options = await readSchedulerOptions(folder, components.scheduler, ddpmSchedulerOptions);
  const outputs = options.learnedVariance ? 2 * LATENT_CHANNELS : LATENT_CHANNELS;
  refuse(
    folder.name,
    differs(`${components.movq} has latents of`, movq.latentChannels, "channels, but the U-Net has", LATENT_CHANNELS) ??
      (unet.channelsOut < outputs
        ? differs(`${components.unet} has out_channels`, unet.channelsOut, "but its scheduler needs", outputs)
        : undefined),
  );
  return { unet, movq, scheduler: new DdpmScheduler(options) };
}

/** Builds the decoder. Rejects with `ConfigError`, `FormatError` or `FileError`, which name the file. */
export async function loadCascade(requests: readonly BuildRequest<UnetSource>[]): Promise<Declared<KandinskyCascade>> {
  const { opened, arena } = onlyUnet(requests, FAMILY);
  const folder = folderOf(opened, FAMILY);
  const components = componentsIn(folder, "decoder");
  const options = await readDecoder(folder, components);
  const unet = new WeightStore(arena, await openComponent(folder, components.unet, NETWORK_WEIGHTS));
  const movq = new WeightStore(arena, await openComponent(folder, components.movq, NETWORK_WEIGHTS));
  return {
    model: new KandinskyCascade(new DecoderStage({ unet: unet.root, movq: movq.root }, options)),
    components: [
      { name: UNET_NAME, weights: unet },
      { name: MOVQ_NAME, weights: movq },
    ],
    weights: [{ stores: [unet] }, { stores: [movq] }],
  };
}
