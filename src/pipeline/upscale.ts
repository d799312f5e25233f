import type { RgbImage } from "../image/image.js";
import { InferenceScript } from "./inference-script.js";
import type { Picture } from "./picture.js";
import { eachOf, type DrawOptions } from "./script-options.js";

export interface UpscaleOptions extends DrawOptions {
  /** A text for each picture, or one for all; needed where the U-Nets that run were trained with text. */
  readonly text?: string | readonly string[] | undefined;
  /** First U-Net to run, counted from 1. Default 2. */
  readonly startAtUnetNumber?: number | undefined;
}

/**
 * Enlarges pictures by the later U-Nets of a decoder. They start from a picture of the size that the U-Net before makes; a
 * larger one is brought to that size first, by nearest neighbours as the reference does.
 */
export class Upscale extends InferenceScript {
  protected override readonly scriptName: string = "Upscale";

  /** Enlarged pictures by index of the picture. Pictures are squares of one size. */
  run(
    images: readonly RgbImage[],
    { text, startAtUnetNumber = 2, ...options }: UpscaleOptions = {},
  ): Promise<Map<number, Picture[]>> {
    return this.sampleDecoder({
      ...options,
      images,
      text: text === undefined ? undefined : eachOf(text, images.length),
      startAtUnetNumber,
      describe: (_, own) => ({ ...own, startAtUnetNumber }),
    });
  }
}
