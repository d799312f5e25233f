// Checks that the components of a folder fit each other.
import { differs, refuse } from "../diffusers/read-options.js";
import type { UnetOptions } from "../diffusers/config/unet-config.js";
import type { DecoderStageOptions } from "./decoder-stage.js";
import type { SuperResolutionStageOptions } from "./super-resolution-stage.js";

/** Channels of an image. */
const CHANNELS = 3;

/** Throws `ConfigError` if a decoder and its projection of texts do not fit. */
export function checkDecoder(
  folder: string,
  { unet, projection, scheduler }: Omit<DecoderStageOptions, "textLength">,
): void {
  const { channelsIn, channelsOut, contextDim, timeDim } = unet;
  const outputs = scheduler.options.learnedVariance ? 2 * channelsIn : channelsIn;
  refuse(
    folder,
    differs("decoder makes images of", channelsIn, "channels, which has no meaning here; expected", CHANNELS) ??
      differs("decoder has out_channels", channelsOut, "but its scheduler needs", outputs) ??
      differs("text_proj has cross_attention_dim", projection.contextDim, "but decoder has", contextDim) ??
      differs("text_proj has time_embed_dim", projection.timeDim, "but decoder needs", timeDim) ??
      cannotHalve("decoder", unet.sampleSize, unet),
  );
}

/** The same for super-resolution. */
export function checkSuperResolution(
  folder: string,
  { first, last, scheduler, imageSize }: SuperResolutionStageOptions,
  channels: number,
): void {
  const problems = Object.entries({ super_res_first: first, super_res_last: last }).map(
    ([name, unet]) =>
      differs(`${name} has out_channels`, unet.channelsOut, "but images have", channels) ??
      differs(
        `${name} has in_channels`,
        unet.channelsIn,
        "but the noised image and the smaller one have",
        2 * channels,
      ) ??
      cannotHalve(name, imageSize, unet),
  );
  const variance = "super_res_scheduler has variance_type learned_range, but super-resolution predicts no variance";
  refuse(
    folder,
    problems.find((problem) => problem !== undefined),
  );
  refuse(folder, scheduler.options.learnedVariance ? variance : undefined);
}

/** Each resolution has half the sides of the one before. */
function cannotHalve(component: string, side: number, { widths }: UnetOptions): string | undefined {
  const unit = 2 ** (widths.length - 1);
  if (side % unit === 0) return undefined;
  return `${component} makes images of ${side} × ${side} pixels (sample_size), but its ${widths.length} resolutions need a multiple of ${unit}`;
}
