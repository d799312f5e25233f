import { atMostOne, checkLength, filledList, text as textRule } from "../../platform/arguments.js";
import { pickSettings } from "../../diffusion/settings.js";
import type { RgbImage } from "../../image/image.js";
import { checkStart } from "../check-call.js";
import { hintsOf, imagesOf } from "../canvas.js";
import { strengthOf } from "../decoder-inputs.js";
import { unguided, type EmbeddedTexts, type TextsCall } from "../embed-texts.js";
import type { Embedding } from "../embedding.js";
import { InferenceScript } from "../inference-script.js";
import type { JsonOptions, GeneratedImage } from "../generated-image.js";
import { checkRandomness, priorSeedOf, randomnessOf, randomnessOfStages } from "../randomness.js";
import { eachOf, type NegativeOptions, type StrengthOptions, type TwoStageOptions } from "../script-options.js";
import { checkOptions, prefixed, unprefixed, type PriorSettings } from "../settings.js";

/** Options of `BasicInference.run`. */
export interface BasicInferenceOptions extends TwoStageOptions, NegativeOptions, StrengthOptions {
  /** Image embeddings for each text. Default 1. */
  readonly priorSampleCount?: number | undefined;
  /** Images for each image embedding. Default 1. */
  readonly decoderSampleCount?: number | undefined;
  /**
   * An image embedding for each text, in place of one from the prior. Each is used `priorSampleCount` times. Cannot be combined
   * with `priorSeeds`. Default: embeddings from the prior.
   */
  readonly imageEmbed?: readonly Embedding[] | undefined;
  /**
   * Initial images, one for each text or one for all; see `strength`. They are square, unless the decoder generates images of many
   * sizes (`StageInfo.sizeUnit`). Default: noise alone.
   */
  readonly initImages?: RgbImage | readonly RgbImage[] | undefined;
  /**
   * With `seeds`: a seed for each image embedding. Default: the seed of its first image. An image with the same seed as its
   * embedding continues with the same generator; the others start with their own.
   */
  readonly priorSeeds?: readonly number[] | undefined;
}

/**
 * Generates images of texts, with the prior and then the decoder. It is the script of dalle2-laion with the same name.
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
   * Generates images of one text or several. Returns them by index of the text, then by index of the image embedding, which
   * counts over all texts. `seeds` has one for each image, text by text and embedding by embedding. Rejects with
   * `ArgumentError` for invalid options, and with `SamplingError` if the load config has no prior or no decoder.
   */
  async run(
    text: string | readonly string[],
    options: BasicInferenceOptions = {},
  ): Promise<Map<number, Map<number, GeneratedImage[]>>> {
    checkOptions(options);
    const texts = filledList(textRule)("text", typeof text === "string" ? [text] : text);
    const { priorSeeds, ...stages } = options;
    const { signal, onProgress, onImage, previewEvery, priorSampleCount = 1, decoderSampleCount = 1 } = options;
    const { imageEmbed, strength, size, hint } = options;
    const initImages = initImagesOf(options, texts.length);
    const priorOptions = unprefixed("prior", stages);
    const hints = hintsOf(options, texts.length);
    const decoderOptions = { ...unprefixed("decoder", stages), size, hint, strength };
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
    const priorRuns = [prior !== undefined, negativeText !== undefined && this.#runsNegative(prior)].filter(
      Boolean,
    ).length;
    const timeEstimate = this.timeEstimate({
      prior: priorRuns > 0 ? { ...priorOptions, embeddings: count * priorRuns } : undefined,
      decoder: {
        ...decoderOptions,
        images: count * decoderSampleCount,
        initImages,
        strength: strengthOf({ initImages, strength }),
      },
    });
    const shared = { signal, onProgress, timeEstimate };
    const call = { ...shared, generator: randomness.prior, ...priorOptions, ...prior };
    const { negativeImageEmbed, embeddings } = await this.#embed(texts, { ...call, negativeText }, imageEmbed);
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
      negativeImageEmbed,
      initImages: initImages && flat.map(({ index }) => initImages[index]!),
      hint: hints && flat.map(({ index }) => hints[index]!),
      describe: (input, decoder) => ({
        ...withPrior(prior, decoder),
        ...(namesPriorSeed ? { priorSeed: priorSeedOf(randomness.prior, input) } : {}),
      }),
    });
    const result = new Map(texts.map((_, index) => [index, new Map<number, GeneratedImage[]>()]));
    for (const [i, { index }] of flat.entries()) result.get(index)!.set(i, images.get(i)!);
    return result;
  }

  /** Whether the prior has a run of its own for negative prompts. */
  #runsNegative(prior: PriorSettings | undefined): boolean {
    return this.negativeRun === "own" || (prior === undefined && this.negativeRun === "joined");
  }

  /** Samples the image embeddings of each text, and as many of its negative prompt if there is a prior. */
  async #embed(
    texts: readonly string[],
    call: TextsCall,
    imageEmbed: readonly Embedding[] | undefined,
  ): Promise<EmbeddedTexts> {
    if (!imageEmbed) return this.embedTexts(texts, call);
    const { negativeText, ...own } = call;
    const negative =
      negativeText && this.embedsNegative ? await this.samplePrior(negativeText, unguided(own)) : undefined;
    return {
      embeddings: imageEmbed.map((one) => new Array<Embedding>(own.sampleCount ?? 1).fill(one)),
      negativeImageEmbed: negative && [...negative.values()].flat(),
    };
  }
}

/** Returns the initial image of each text. Throws `ArgumentError` if the number of images or embeddings does not fit. */
function initImagesOf(
  { initImages, imageEmbed, priorSeeds }: BasicInferenceOptions,
  texts: number,
): readonly RgbImage[] | undefined {
  atMostOne({ imageEmbed, priorSeeds });
  if (imageEmbed) checkLength("imageEmbed", imageEmbed, texts);
  return imagesOf("initImages", initImages, texts);
}

function pickNoiseLevel({ noiseLevel }: JsonOptions): JsonOptions {
  return noiseLevel === undefined ? {} : { noiseLevel };
}

/** Joins the settings of the prior, if it ran, and the options of the decoder, with prefixes. */
export function withPrior(prior: PriorSettings | undefined, decoder: JsonOptions): JsonOptions {
  const settings = { ...pickSettings(decoder), ...pickNoiseLevel(decoder) };
  const others = Object.entries(decoder).filter(([name]) => !(name in settings));
  return { ...Object.fromEntries(others), ...prefixed("prior", prior ?? {}), ...prefixed("decoder", settings) };
}
