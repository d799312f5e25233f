// The options of Karlo's components, from the small files of a folder.
import { ConfigError } from "../../config/config-error.js";
import type { AddedKeyUnetOptions } from "../diffusers/config/added-key-unet-config.js";
import { readOptions, readUnclipScheduler } from "../diffusers/read-options.js";
import type { OpenedFolder } from "../opened.js";
import { decoderOptions } from "./config/decoder-config.js";
import { superResolutionOptions, type SuperResolutionOptions } from "./config/super-resolution-config.js";
import { textProjectionOptions, type TextProjectionOptions } from "./config/text-projection-config.js";
import { checkDecoder, checkSuperResolution } from "./check-options.js";
import type { DecoderStageOptions } from "./decoder-stage.js";
import type { SuperResolutionStageOptions } from "./super-resolution-stage.js";

/** Encodings of CLIP's longest text. Only plans and dry runs use it: those of a call may have another length. */
const TEXT_LENGTH = 77;

/** The options of both stages of the cascade. Rejects as `readOptions`, also for options that do not fit. */
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
  const unet: AddedKeyUnetOptions = await readOptions(folder, "decoder", decoderOptions);
  const projection: TextProjectionOptions = await readOptions(folder, "text_proj", textProjectionOptions);
  const scheduler = await readUnclipScheduler(folder, "decoder_scheduler");
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
  const scheduler = await readUnclipScheduler(folder, "super_res_scheduler");
  return { first, last, scheduler, imageSize: sizeOf(folder, "super_res_first", first.sampleSize) };
}

function sizeOf(folder: OpenedFolder, component: string, size: number | undefined): number {
  if (size !== undefined) return size;
  throw new ConfigError(
    `${folder.name}: the config of ${component} has no sample_size, so the size of images is unknown`,
  );
}
