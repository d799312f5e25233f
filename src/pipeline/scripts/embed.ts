import { filledList, text as textRule } from "../../platform/arguments.js";
import type { RgbImage } from "../../image/image.js";
import type { Embedding } from "../embedding.js";
import { InferenceScript } from "../inference-script.js";
import type { SamplePriorOptions } from "../script-options.js";

/**
 * Computes embeddings of texts and images. `ImageVariation` and the option `imageEmbed` of `BasicInference` take them.
 *
 * @example
 * using script = await Embed.create();
 * const [embedding] = await script.images([await loadImage("photo.jpg")]);
 */
export class Embed extends InferenceScript {
  /** Returns CLIP's embeddings of texts, `[dimLatent]` each. Rejects with `SamplingError` if the load config names no CLIP. */
  async texts(
    texts: readonly string[],
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Embedding[]> {
    return this.embedText(filledList(textRule)("texts", texts), options.signal);
  }

  /** Returns CLIP's embeddings of images, `[dimLatent]` each. Images are first resized to CLIP's size as Pillow's LANCZOS does. */
  async images(
    images: readonly RgbImage[],
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Embedding[]> {
    return this.embedImages(images, options.signal);
  }

  /**
   * Samples `sampleCount` image embeddings from the prior for each text, `[dimLatent]` each. Returns them by index of the text.
   * With `seeds`, one for each embedding, they are those that `BasicInference` decodes for the same seeds.
   */
  async prior(texts: readonly string[], options: SamplePriorOptions = {}): Promise<Map<number, Embedding[]>> {
    return this.samplePrior(filledList(textRule)("texts", texts), options);
  }
}
