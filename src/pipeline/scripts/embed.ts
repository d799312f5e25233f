import { anything, checkLength, filledList, finiteNumbers, text as textRule } from "../../platform/arguments.js";
import type { RgbImage } from "../../image/image.js";
import { unguided } from "../embed-texts.js";
import type { Embedding, EmbeddingPair } from "../embedding.js";
import { InferenceScript } from "../inference-script.js";
import { priorOf } from "../prior-call.js";
import { randomnessOf, withGenerator } from "../randomness.js";
import type { SamplePriorOptions } from "../script-options.js";
import { weightedSum } from "./interpolation.js";

/** Options of `Embed.mix`. */
export interface MixOptions extends Omit<SamplePriorOptions, "negativeText" | "initEmbed" | "strength"> {
  /** Negative prompt of the mixture. Default: decoders are guided away from no image, or from their null embedding. */
  readonly negativeText?: string | undefined;
  /** Negative prompt of each text in the mixture. Default: the null embedding of the prior. */
  readonly partNegativeText?: string | undefined;
}

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

  /**
   * Mixes texts, images and image embeddings: the sum of their image embeddings, each times its weight. Texts get theirs from the
   * prior, one after the other from the same generators. Returns `sampleCount` mixtures, each with the embedding that a decoder is
   * guided away from. It is `interpolate` of Kandinsky's prior. Rejects with `ArgumentError` if there is no weight for each part.
   *
   * @example
   * const mixtures = await script.mix(["a cat", await loadImage("photo.jpg")], [0.4, 0.6], { seed: 1 });
   * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/kandinsky2_2/pipeline_kandinsky2_2_prior.py#L133-L244
   */
  async mix(
    parts: readonly (string | RgbImage | Embedding)[],
    weights: readonly number[],
    { negativeText, partNegativeText, ...asked }: MixOptions = {},
  ): Promise<EmbeddingPair[]> {
    filledList(anything)("parts", parts);
    finiteNumbers("weights", checkLength("weights", weights, parts.length));
    const { sampleCount = 1, signal } = asked;
    const texts = parts.filter((part) => typeof part === "string").length;
    const timeEstimate = this.timeEstimate({ prior: { ...asked, embeddings: (texts + 1) * sampleCount } });
    // The runs continue the same generators.
    const generator = randomnessOf(asked);
    const call = { ...withGenerator(asked, generator), generator, timeEstimate };
    const embedded: (readonly Embedding[])[] = [];
    for (const part of parts) {
      embedded.push(
        typeof part === "string"
          ? (await this.#run(part, { ...call, negativeText: partNegativeText })).map(({ embedding }) => embedding)
          : new Array<Embedding>(sampleCount).fill(
              "shape" in part ? part : (await this.embedImages([part], signal))[0]!,
            ),
      );
    }
    const negative = await this.#negative(call, { negativeText, partNegativeText });
    return Array.from({ length: sampleCount }, (_, i) => {
      const own = embedded.map((each) => each[i]!);
      return { embedding: weightedSum(own, weights), negative: negative?.[i] };
    });
  }

  async #run(text: string, options: SamplePriorOptions): Promise<readonly EmbeddingPair[]> {
    return (await this.samplePriorPairs([text], options)).get(0)!;
  }

  /**
   * What a decoder is guided away from, for each mixture. Kandinsky's reference samples a negative prompt like a text, and the empty
   * one as well: for what it makes of the negative prompt of the parts, or else for nothing but its draws.
   */
  async #negative(
    call: SamplePriorOptions & Parameters<typeof unguided>[0],
    { negativeText = "", partNegativeText }: Pick<MixOptions, "negativeText" | "partNegativeText">,
  ): Promise<readonly (Embedding | undefined)[] | undefined> {
    if (!priorOf(this.manager).embedsNegative) {
      if (negativeText === "") return undefined;
      return (await this.#run(negativeText, unguided(call))).map(({ embedding }) => embedding);
    }
    const pairs = await this.#run(negativeText, { ...call, negativeText: partNegativeText });
    if (negativeText !== "") return pairs.map(({ embedding }) => embedding);
    const nullEmbed = partNegativeText === undefined ? await this.embedNullImage(call.signal) : undefined;
    return pairs.map(({ negative }) => negative ?? nullEmbed);
  }
}
