import type { RgbImage } from "../../image/image.js";
import { InferenceScript } from "../inference-script.js";
import type { Picture } from "../picture.js";
import { eachOf, type DrawOptions, type NegativeOptions } from "../script-options.js";

export interface ImageVariationOptions extends DrawOptions, NegativeOptions {
  /** A text for each picture, or one for all; needed where the decoder was trained with text. */
  readonly text?: string | readonly string[] | undefined;
}

/** Image to image (dalle2-laion's script of that name): CLIP embeds pictures, and the decoder draws what it saw in them. */
export class ImageVariation extends InferenceScript {
  protected override readonly scriptName: string = "ImageVariation";

  /** Variations by index of the picture. */
  async run(
    images: readonly RgbImage[],
    { text, negativeText, ...options }: ImageVariationOptions = {},
  ): Promise<Map<number, Picture[]>> {
    const inputs = { images, text: eachOf("text", text, images.length) };
    this.checkDecoder({ ...options, ...inputs });
    return this.sampleDecoder({ ...(await this.negativeInputs(negativeText, images.length, options)), ...inputs });
  }
}
