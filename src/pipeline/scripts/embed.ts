import { filledList, text as textRule } from "../../platform/arguments.js";
import type { RgbImage } from "../../image/image.js";
import type { Embedding } from "../embedding.js";
import { InferenceScript } from "../inference-script.js";
import type { SamplePriorOptions } from "../script-options.js";

/** Embeddings of texts and images: what the other scripts compute on their way. */
export class Embed extends InferenceScript {
  /** CLIP's embeddings of texts, `[dimLatent]` each. Rejects with `SamplingError` where the load config names no CLIP. */
  async texts(
    texts: readonly string[],
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Embedding[]> {
    return this.embedText(filledList(textRule)("texts", texts), options.signal);
  }

  /** CLIP's embeddings of images, `[dimLatent]` each. Images are resized to CLIP's size as Pillow's LANCZOS does. */
  async images(
    images: readonly RgbImage[],
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Embedding[]> {
    return this.embedImages(images, options.signal);
  }

  /**
   * Image embeddings that the prior makes of texts, `[dimLatent]` each: by index of the text, `sampleCount` for each. With
   * `seeds`, one for each embedding, they are those that `BasicInference` decodes for the same seeds.
   */
  async prior(texts: readonly string[], options: SamplePriorOptions = {}): Promise<Map<number, Embedding[]>> {
    return this.samplePrior(filledList(textRule)("texts", texts), options);
  }
}
