import type { RgbImage } from "../../image/image.js";
import { InferenceScript } from "../inference-script.js";
import type { GeneratedImage } from "../generated-image.js";
import { eachOf, type GenerateOptions, type NegativeOptions } from "../script-options.js";

export interface UpscaleOptions extends GenerateOptions, NegativeOptions {
  /** A text for each image, or one for all; needed where the U-Nets that run were trained with text. */
  readonly text?: string | readonly string[] | undefined;
  /** First U-Net to run, counted from 1. Default 2. */
  readonly startAtUnetNumber?: number | undefined;
}

/**
 * Enlarges images by the later U-Nets of a decoder. They start from an image of the size that the U-Net before makes; a
 * larger one is brought to that size first, by nearest neighbours as the reference does.
 *
 * @example
 * using script = await Upscale.create();
 * const images = await script.run([await loadImage("small.png")], { seed: 1 });
 */
export class Upscale extends InferenceScript {
  protected override readonly scriptName: string = "Upscale";

  /** Enlarged images by index of the image. Images are squares of one size. */
  async run(
    images: readonly RgbImage[],
    { text, negativeText, startAtUnetNumber = 2, ...options }: UpscaleOptions = {},
  ): Promise<Map<number, GeneratedImage[]>> {
    const call = { ...options, startAtUnetNumber };
    const inputs = { images, text: eachOf("text", text, images.length) };
    this.checkDecoder({ ...call, ...inputs });
    return this.sampleDecoder({
      ...(await this.negativeInputs(negativeText, images.length, call)),
      ...inputs,
      describe: (_, own) => ({ ...own, startAtUnetNumber }),
    });
  }
}
