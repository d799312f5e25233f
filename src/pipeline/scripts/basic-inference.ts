import { atMostOne, checkLength, filledList, text as textRule } from "../../platform/arguments.js";
import { UNGUIDED } from "../../diffusion/guidance.js";
import { pickSettings } from "../../diffusion/settings.js";
import type { RgbImage } from "../../image/image.js";
import { checkStart } from "../check-call.js";
import { strengthOf } from "../decoder-inputs.js";
import type { Embedding } from "../embedding.js";
import { InferenceScript } from "../inference-script.js";
import type { JsonOptions, GeneratedImage } from "../generated-image.js";
import {
  checkRandomness,
  forkOf,
  priorSeedOf,
  randomnessOf,
  randomnessOfStages,
  type Randomness,
} from "../randomness.js";
import {
  eachOf,
  type NegativeOptions,
  type SamplePriorOptions,
  type StrengthOptions,
  type TwoStageOptions,
} from "../script-options.js";
import { checkOptions, prefixed, unprefixed, type PriorSettings } from "../settings.js";

export interface BasicInferenceOptions extends TwoStageOptions, NegativeOptions, StrengthOptions {
  /** Image embeddings for each text. Default 1. */
  readonly priorSampleCount?: number | undefined;
  /** Images for each image embedding. Default 1. */
  readonly decoderSampleCount?: number | undefined;
  /**
   * An image embedding for each text, in place of what the prior would make of it, which is not run for it then;
   * `priorSampleCount` says how often each is used. Not together with `priorSeeds`. Default: the prior's.
   */
  readonly imageEmbed?: readonly Embedding[] | undefined;
  /** Square images to start from, one for each text or one for all; see `strength`. Default: noise alone. */
  readonly initImages?: RgbImage | readonly RgbImage[] | undefined;
  /**
   * With `seeds`: a seed for each image embedding. Default: that of the first of its images. The image with the seed of its
   * embedding goes on with the same generator; the others begin with their own.
   */
  readonly priorSeeds?: readonly number[] | undefined;
}

/**
 * Text to image (dalle2-laion's script of that name): the prior, then the decoder.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/scripts/BasicInference.py#L11-L55
 *
 * @example
 * using script = await BasicInference.create();
 * const images = await script.run(["a red circle", "a blue square"], { seed: 1 });
 * const image = images.get(0)!.get(0)![0]!;
 */
export class BasicInference extends InferenceScript {
  protected override readonly scriptName: string = "BasicInference";

  /**
   * Images by index of the text, then by index of the image embedding, which counts over all texts. `seeds` are one for
   * each image, text by text and embedding by embedding.
   */
  async run(
    text: string | readonly string[],
    options: BasicInferenceOptions = {},
  ): Promise<Map<number, Map<number, GeneratedImage[]>>> {
    checkOptions(options);
    const texts = filledList(textRule)("text", typeof text === "string" ? [text] : text);
    const { priorSeeds, ...stages } = options;
    const { signal, onProgress, onImage, previewEvery, priorSampleCount = 1, decoderSampleCount = 1 } = options;
    const { imageEmbed, strength } = options;
    const initImages = initImagesOf(options, texts.length);
    const priorOptions = unprefixed("prior", stages);
    const decoderOptions = { ...unprefixed("decoder", stages), strength };
    const prior = imageEmbed ? undefined : this.priorSettings(priorOptions);
    const count = texts.length * priorSampleCount;
    const generators = randomnessOf(options);
    checkRandomness(generators, count * decoderSampleCount);
    const randomness = randomnessOfStages(generators, decoderSampleCount, priorSeeds);
    const namesPriorSeed = prior !== undefined && (decoderSampleCount > 1 || priorSeeds !== undefined);
    this.checkDecoderSettings(decoderOptions);
    checkStart({ initImages, strength });
    const negativeText = eachOf("negativeText", options.negativeText, texts.length);
    if (negativeText) this.checkNegative(decoderOptions, prior);
    const priorRuns = [prior, negativeText && this.manager.prior].filter((run) => run !== undefined).length;
    const timeEstimate = this.timeEstimate({
      prior: priorRuns > 0 ? { ...priorOptions, embeddings: count * priorRuns } : undefined,
      decoder: {
        ...decoderOptions,
        images: count * decoderSampleCount,
        strength: strengthOf({ initImages, strength }),
      },
    });
    const shared = { signal, onProgress, timeEstimate };
    const call = { ...shared, generator: randomness.prior, ...priorOptions, ...prior };
    const { away, embeddings } = await this.#embed(texts, { ...call, negativeText }, imageEmbed);
    const flat = texts.flatMap((_, index) => embeddings[index]!.map((embedding) => ({ index, embedding })));
    const images = await this.sampleDecoder({
      ...shared,
      generator: randomness.decoder,
      ...decoderOptions,
      onImage,
      previewEvery,
      text: flat.map(({ index }) => texts[index]!),
      imageEmbed: flat.map(({ embedding }) => embedding),
      negativeText: negativeText && flat.map(({ index }) => negativeText[index]!),
      negativeImageEmbed: away,
      initImages: initImages && flat.map(({ index }) => initImages[index]!),
      describe: (input, decoder) => ({
        ...withPrior(prior, decoder),
        ...(namesPriorSeed ? { priorSeed: priorSeedOf(randomness.prior, input) } : {}),
      }),
    });
    const result = new Map(texts.map((_, index) => [index, new Map<number, GeneratedImage[]>()]));
    for (const [i, { index }] of flat.entries()) result.get(index)!.set(i, images.get(i)!);
    return result;
  }

  /** For each text its image embeddings, and one for each of them of its negative text, where there is a prior for that. */
  async #embed(
    texts: readonly string[],
    { negativeText, ...call }: PriorCall,
    imageEmbed: readonly Embedding[] | undefined,
  ): Promise<{ readonly embeddings: readonly Embedding[][]; readonly away: readonly Embedding[] | undefined }> {
    const hasPrior = imageEmbed === undefined || this.manager.prior !== undefined;
    const away = negativeText && hasPrior ? await this.samplePrior(negativeText, unguided(call)) : undefined;
    const embeddings = imageEmbed?.map((one) => new Array<Embedding>(call.sampleCount ?? 1).fill(one)) ?? [
      ...(await this.samplePrior(texts, { ...call, negativeText })).values(),
    ];
    return { embeddings, away: away && [...away.values()].flat() };
  }
}

/** A call of the prior for texts, and their negative texts. */
interface PriorCall extends Omit<SamplePriorOptions, "negativeText"> {
  readonly generator: Randomness;
  readonly negativeText: readonly string[] | undefined;
}

/** The image that each text starts from. Throws `ArgumentError` for another number of images, or of embeddings. */
function initImagesOf(
  { initImages, imageEmbed, priorSeeds }: BasicInferenceOptions,
  texts: number,
): readonly RgbImage[] | undefined {
  atMostOne({ imageEmbed, priorSeeds });
  if (imageEmbed) checkLength("imageEmbed", imageEmbed, texts);
  if (initImages === undefined) return undefined;
  return isOne(initImages) ? new Array<RgbImage>(texts).fill(initImages) : checkLength("initImages", initImages, texts);
}

function isOne(images: RgbImage | readonly RgbImage[]): images is RgbImage {
  return !Array.isArray(images);
}

/** A call of the prior for negative texts: without guidance, and from the noise that the generators will give once more. */
export function unguided<C extends { readonly generator: Randomness }>(call: C): C {
  return { ...call, ...UNGUIDED, generator: forkOf(call.generator) };
}

/** The options of a script that samples the prior, if it does, and then the decoder, from those of both. */
export function withPrior(prior: PriorSettings | undefined, decoder: JsonOptions): JsonOptions {
  const settings = pickSettings(decoder);
  const others = Object.entries(decoder).filter(([name]) => !(name in settings));
  return { ...Object.fromEntries(others), ...prefixed("prior", prior ?? {}), ...prefixed("decoder", settings) };
}
