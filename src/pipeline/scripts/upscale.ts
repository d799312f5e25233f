import type { RgbImage } from "../../image/image.js";
import { InferenceScript } from "../inference-script.js";
import type { GeneratedImage } from "../generated-image.js";
import { eachOf, type GenerateOptions, type NegativeOptions } from "../script-options.js";

/** Options of `Upscale.run`. */
export interface UpscaleOptions extends Omit<GenerateOptions, "size" | "hint">, NegativeOptions {
  /** A text for each image, or one for all. Needed if the U-Nets that run take text. */
  readonly text?: string | readonly string[] | undefined;
  /** First U-Net to run, counted from 1. Default 2. */
  readonly startAtUnetNumber?: number | undefined;
}

/**
 * Enlarges images with the later U-Nets of a decoder. An image must be at least as large as those of the U-Net before
 * `startAtUnetNumber`. A larger image is first reduced to that size, as its family does: DALLE2-pytorch
 * by nearest neighbours, Karlo by an antialiased bicubic filter.
 *
 * @example
 * using script = await Upscale.create();
 * const images = await script.run([await loadImage("small.png")], { seed: 1 });
 */
export class Upscale extends InferenceScript {
  protected override readonly scriptName: string = "Upscale";

  /** Enlarges square images of one size. Returns the results by index of the image. */
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
