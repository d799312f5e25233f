import type { RgbImage } from "../image/image.js";
import { InferenceScript } from "./inference-script.js";
import type { Picture } from "./picture.js";
import { eachOf, type DrawOptions } from "./script-options.js";

export interface ImageVariationOptions extends DrawOptions {
  /** A text for each picture, or one for all; needed where the decoder was trained with text. */
  readonly text?: string | readonly string[] | undefined;
}

/** Image to image (dalle2-laion's script of that name): CLIP embeds pictures, and the decoder draws what it saw in them. */
export class ImageVariation extends InferenceScript {
  protected override readonly scriptName: string = "ImageVariation";

  /** Variations by index of the picture. */
  run(images: readonly RgbImage[], { text, ...options }: ImageVariationOptions = {}): Promise<Map<number, Picture[]>> {
    return this.sampleDecoder({
      ...options,
      images,
      text: text === undefined ? undefined : eachOf(text, images.length),
    });
  }
}
