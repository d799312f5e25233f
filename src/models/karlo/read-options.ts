// The options of Karlo's components, from the small files of a folder.
import { ConfigError } from "../../config/config-error.js";
import { componentConfig } from "../diffusers/component-files.js";
import type { OpenedFolder } from "../opened.js";
import { decoderOptions, type DecoderOptions } from "./config/decoder-config.js";
import { priorOptions, type PriorOptions } from "./config/prior-config.js";
import { schedulerOptions } from "./config/scheduler-config.js";
import { superResolutionOptions, type SuperResolutionOptions } from "./config/super-resolution-config.js";
import { textProjectionOptions, type TextProjectionOptions } from "./config/text-projection-config.js";
import { checkDecoder, checkPrior, checkSuperResolution } from "./check-options.js";
import type { DecoderStageOptions } from "./decoder-stage.js";
import { UnclipScheduler } from "./scheduler/unclip-scheduler.js";
import type { SuperResolutionStageOptions } from "./super-resolution-stage.js";

/** Encodings of CLIP's longest text. Only plans and dry runs use it: those of a call may have another length. */
const TEXT_LENGTH = 77;

/** The options of the prior. Rejects with `FileError`, or `ConfigError` for options that are not supported or do not fit. */
export async function readPrior(
  folder: OpenedFolder,
): Promise<{ readonly options: PriorOptions; readonly scheduler: UnclipScheduler }> {
  const options: PriorOptions = await readOptions(folder, "prior", priorOptions);
  const scheduler = await readScheduler(folder, "prior_scheduler");
  checkPrior(folder.name, options, scheduler.options);
  return { options, scheduler };
}

/** The options of both stages of the cascade. Rejects as `readPrior`. */
export async function readCascade(
  folder: OpenedFolder,
): Promise<{ readonly decoder: DecoderStageOptions; readonly superResolution: SuperResolutionStageOptions }> {
  const decoder = await readDecoder(folder);
  const superResolution = await readSuperResolution(folder);
  checkDecoder(folder.name, decoder);
  checkSuperResolution(folder.name, superResolution, decoder.unet.channelsIn);
  return { decoder, superResolution };
}

async function readDecoder(folder: OpenedFolder): Promise<DecoderStageOptions> {
  const unet: DecoderOptions = await readOptions(folder, "decoder", decoderOptions);
  const projection: TextProjectionOptions = await readOptions(folder, "text_proj", textProjectionOptions);
  const scheduler = await readScheduler(folder, "decoder_scheduler");
  return {
    unet: { ...unet, sampleSize: sizeOf(folder, "decoder", unet.sampleSize) },
    projection,
    scheduler,
    textLength: TEXT_LENGTH,
  };
}

async function readSuperResolution(folder: OpenedFolder): Promise<SuperResolutionStageOptions> {
  const first: SuperResolutionOptions = await readOptions(folder, "super_res_first", superResolutionOptions);
  const last: SuperResolutionOptions = await readOptions(folder, "super_res_last", superResolutionOptions);
  const scheduler = await readScheduler(folder, "super_res_scheduler");
  return { first, last, scheduler, imageSize: sizeOf(folder, "super_res_first", first.sampleSize) };
}

/** Reads the config of a component. */
async function readOptions<Options>(
  folder: OpenedFolder,
  component: string,
  parse: (value: unknown, file: string) => Options,
): Promise<Options> {
  const { value, name } = await componentConfig(folder, component);
  return parse(value, name);
}

async function readScheduler(folder: OpenedFolder, component: string): Promise<UnclipScheduler> {
  const { value, name } = await componentConfig(folder, component, "scheduler_config.json");
  return new UnclipScheduler(schedulerOptions(value, name));
}

function sizeOf(folder: OpenedFolder, component: string, size: number | undefined): number {
  if (size !== undefined) return size;
  throw new ConfigError(
    `${folder.name}: the config of ${component} has no sample_size, so the size of images is unknown`,
  );
}
