/** Builds the decoder of Stable unCLIP from a folder in the layout of diffusers. */
import type { UnetSource } from "../../config/load-config-data.js";
import type { Arena } from "../../tensor/arena.js";
import { WeightStore } from "../../weights/weight-store.js";
import { DECODER_TEXT_ENCODER } from "../component.js";
import { declareTextEncoder } from "../diffusers/clip-encoders.js";
import { NETWORK_WEIGHTS, openComponent } from "../diffusers/component-weights.js";
import { ddpmSchedulerOptions } from "../diffusers/config/ddpm-scheduler-config.js";
import { pndmSchedulerOptions } from "../diffusers/config/pndm-scheduler-config.js";
import { LATENT_CHANNELS, UNET_NAME } from "../diffusers/latents/latents.js";
import { differs, readOptions, readSchedulerOptions, refuse } from "../diffusers/read-options.js";
import { folderOf, onlyUnet } from "../diffusers/requested-folder.js";
import { DdpmScheduler } from "../diffusers/scheduler/ddpm-scheduler.js";
import { PndmScheduler } from "../diffusers/scheduler/pndm-scheduler.js";
import type { BuildRequest, Declared } from "../family.js";
import type { OpenedFolder } from "../opened.js";
import { autoencoderKlOptions } from "./config/autoencoder-config.js";
import { stableUnclipUnetOptions } from "./config/unet-config.js";
import { DecoderStage, VAE_NAME, type DecoderStageOptions } from "./decoder/decoder-stage.js";
import { StableUnclipCascade } from "./decoder/stable-unclip-cascade.js";
import { DECODER, ENCODERS, FAMILY } from "./layouts.js";

/** The options of a decoder, without the length of its texts. */
export type ReadDecoder = Omit<DecoderStageOptions, "contextLength">;

/** The options of a decoder. Rejects with `FileError`, or `ConfigError` for options that are not supported or do not fit. */
export async function readDecoder(folder: OpenedFolder): Promise<ReadDecoder> {
  const unet = await readOptions(folder, DECODER.unet, stableUnclipUnetOptions);
  const vae = await readOptions(folder, DECODER.vae, autoencoderKlOptions);
  const scheduler = await readSchedulerOptions(folder, DECODER.scheduler, pndmSchedulerOptions);
  const noising = await readSchedulerOptions(folder, DECODER.noising, ddpmSchedulerOptions);
  refuse(
    folder.name,
    differs(`${DECODER.vae} has latent_channels`, vae.latentChannels, "but latents have", LATENT_CHANNELS) ??
      differs(`${DECODER.unet} has in_channels`, unet.channelsIn, "but latents have", LATENT_CHANNELS),
  );
  const { schedule } = new DdpmScheduler(noising).process;
  return { unet, vae, scheduler: new PndmScheduler(scheduler), noising: schedule };
}

/** Builds the decoder. Rejects with `ConfigError`, `FormatError` or `FileError`, which name the file. */
export async function loadCascade(
  requests: readonly BuildRequest<UnetSource>[],
): Promise<Declared<StableUnclipCascade>> {
  const { opened, arena } = onlyUnet(requests, FAMILY);
  const folder = folderOf(opened, FAMILY);
  const options = await readDecoder(folder);
  const names = { ...ENCODERS, text: DECODER.text, tokenizer: DECODER.tokenizer };
  const { encoder, store: text } = await declareTextEncoder(folder, arena, { names, projects: false });
  const width = `but ${DECODER.text} has hidden_size`;
  refuse(
    folder.name,
    differs(`${DECODER.unet} has cross_attention_dim`, options.unet.contextDim, width, encoder.dimLatent),
  );
  const unet = await openStore(folder, arena, DECODER.unet);
  const normalizer = await openStore(folder, arena, DECODER.normalizer);
  const vae = await openStore(folder, arena, DECODER.vae);
  const weights = { unet: unet.root, normalizer: normalizer.root, vae: vae.root };
  const stage = new DecoderStage(weights, { ...options, contextLength: encoder.contextLength });
  return {
    model: new StableUnclipCascade(stage, encoder),
    components: [
      { name: DECODER_TEXT_ENCODER, weights: text },
      { name: UNET_NAME, weights: unet },
      { name: VAE_NAME, weights: vae },
    ],
    weights: [{ stores: [text] }, { stores: [unet] }, { stores: [vae] }, { stores: [normalizer], tables: normalizer }],
  };
}

async function openStore(folder: OpenedFolder, arena: Arena, component: string): Promise<WeightStore> {
  return new WeightStore(arena, await openComponent(folder, component, NETWORK_WEIGHTS));
}
