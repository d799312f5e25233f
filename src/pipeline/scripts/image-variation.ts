import type { RgbImage } from "../../image/image.js";
import { InferenceScript } from "../inference-script.js";
import type { Embedding } from "../embedding.js";
import type { GeneratedImage } from "../generated-image.js";
import { eachOf, type GenerateOptions, type NegativeOptions } from "../script-options.js";

/** Options of `ImageVariation.run`. */
export interface ImageVariationOptions extends GenerateOptions, NegativeOptions {
  /** A text for each image, or one for all. Needed if the decoder takes text. */
  readonly text?: string | readonly string[] | undefined;
}

/**
 * Generates variations of images: CLIP embeds an image, and the decoder generates images of its embedding. It is the script
 * of dalle2-laion with the same name.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/scripts/ImageVariation.py#L10-L22
 *
 * @example
 * using script = await ImageVariation.create();
 * const images = await script.run([await loadImage("photo.jpg")], { sampleCount: 4, seed: 1 });
 */
export class ImageVariation extends InferenceScript {
  protected override readonly scriptName: string = "ImageVariation";

  /** Generates variations. Returns them by index of the image. Also takes image embeddings in place of images, without CLIP. */
  async run(
    images: readonly RgbImage[] | readonly Embedding[],
    { text, negativeText, ...options }: ImageVariationOptions = {},
  ): Promise<Map<number, GeneratedImage[]>> {
    const inputs = {
      ...(areEmbeddings(images) ? { imageEmbed: images } : { images }),
      text: eachOf("text", text, images.length),
    };
    this.checkDecoder({ ...options, ...inputs });
    return this.sampleDecoder({ ...(await this.negativeInputs(negativeText, images.length, options)), ...inputs });
  }
}

function areEmbeddings(images: readonly RgbImage[] | readonly Embedding[]): images is readonly Embedding[] {
  return images.length > 0 && "shape" in images[0]!;
}
