import { ArgumentError, wholeNumber } from "../../platform/arguments.js";
import type { Generator } from "../../diffusion/generator.js";
import type { RgbImage } from "../../image/image.js";
import { withPrior } from "./basic-inference.js";
import type { Embedding } from "../embedding.js";
import { InferenceScript } from "../inference-script.js";
import { slerp } from "./interpolation.js";
import type { GeneratedImage } from "../generated-image.js";
import { oneGenerator, type OneSeed } from "../randomness.js";
import { eachOf, type SamplePriorOptions, type TwoStageOptions } from "../script-options.js";
import { checkOptions, unprefixed } from "../settings.js";

/** Options of `Interpolate.run`. */
export interface InterpolateOptions extends OneSeed<Omit<TwoStageOptions, "hint">> {
  /** Number of images, including both ends. Default 8. */
  readonly frames?: number | undefined;
  /** As for the other scripts: one for all images. */
  readonly hint?: RgbImage | undefined;
  /**
   * If the decoder takes text: a text for both ends, or one for each. Default: the prompts, and for images the null text of the
   * decoder; needed for images if it has none.
   */
  readonly text?: string | readonly [start: string, end: string] | undefined;
}

/**
 * Generates the images between two images or prompts (Ramesh et al. 2022, section 3.2). The decoder generates an image for
 * each of several image embeddings on the arc from one to the other, all from the same noise. The embedding of a prompt comes
 * from the prior. Text encodings, if the decoder takes them, are interpolated on the straight line, and embeddings of texts on
 * the arc. If one prompt is longer, its last tokens are interpolated with padding, which the decoder reads as text unless it is
 * zero.
 *
 * @example
 * using script = await Interpolate.create();
 * const images = await script.run("a red circle", "a blue square", { frames: 8, seed: 1 });
 */
export class Interpolate extends InferenceScript {
  protected override readonly scriptName: string = "Interpolate";

  /**
   * Generates the images from `start` to `end`, in order. The ends are the images of `BasicInference` for the prompts and the
   * same seed, or those of `ImageVariation` for images. For an image and a prompt, the noise is that of the prompt. Rejects with
   * `ArgumentError` for invalid options.
   */
  async run(
    start: RgbImage | string,
    end: RgbImage | string,
    options: InterpolateOptions = {},
  ): Promise<GeneratedImage[]> {
    checkOptions(options);
    const { frames = 8, signal, onProgress, onImage, previewEvery } = options;
    wholeNumber(2)("frames", frames);
    const ends = [start, end] as const;
    const priorOptions = unprefixed("prior", options);
    const { size, hint } = options;
    const decoderOptions = { ...unprefixed("decoder", options), size, hint };
    const prior = ends.some(isPrompt) ? this.priorSettings(priorOptions) : undefined;
    this.checkDecoderSettings(decoderOptions);
    const texts = this.#texts(ends, options.text);
    const generator = oneGenerator(options);
    const timeEstimate = this.timeEstimate({
      prior: prior && { ...prior, embeddings: ends.filter(isPrompt).length },
      decoder: { ...decoderOptions, images: frames },
    });
    const [first, last, noise] = await this.#embed(ends, generator, {
      ...priorOptions,
      ...prior,
      signal,
      onProgress,
      timeEstimate,
    });
    const positions = Array.from({ length: frames }, (_, i) => i / (frames - 1));
    const textInputs = texts && (await this.textsBetween(texts, positions, signal));
    const images = await this.sampleDecoder({
      ...decoderOptions,
      generator: positions.map(() => noise.fork()),
      signal,
      onProgress,
      onImage,
      previewEvery,
      timeEstimate,
      imageEmbed: positions.map((position) => slerp(first, last, position)),
      ...textInputs,
      describe: (input, own) => ({
        start: isPrompt(start) ? start : undefined,
        end: isPrompt(end) ? end : undefined,
        text: options.text,
        frames,
        position: positions[input],
        ...withPrior(prior, own),
      }),
    });
    return positions.map((_, i) => images.get(i)![0]!);
  }

  /** Returns the image embeddings of both ends, and the generator in its state after them. */
  async #embed(
    ends: readonly (RgbImage | string)[],
    generator: Generator,
    prior: SamplePriorOptions,
  ): Promise<readonly [Embedding, Embedding, Generator]> {
    const prompts = ends.filter(isPrompt);
    const images = ends.filter((one) => typeof one !== "string");
    const generators = prompts.map(() => generator.fork());
    const sampled =
      prompts.length > 0 ? await this.samplePrior(prompts, { ...prior, generator: generators }) : undefined;
    const fromImages = images.length > 0 ? await this.embedImages(images, prior.signal) : [];
    const fromPrompts = prompts.map((_, i) => sampled!.get(i)![0]!);
    const [first, last] = ends.map((one) => (isPrompt(one) ? fromPrompts.shift()! : fromImages.shift()!));
    return [first!, last!, generators[0] ?? generator];
  }

  /** Returns the texts of both ends, if the decoder takes text. */
  #texts(
    ends: readonly (RgbImage | string)[],
    text: InterpolateOptions["text"],
  ): readonly [string, string] | undefined {
    const { takesText, nullText } = this;
    if (!takesText) return undefined;
    const given = text === undefined ? ends : eachOf("text", text, 2);
    if (nullText !== undefined && !given.some(isPrompt)) return undefined;
    const [first, last] = given.map((one) => (isPrompt(one) ? one : nullText));
    if (first !== undefined && last !== undefined) return [first, last];
    const message = "This decoder takes text: pass what both ends show in the option text.";
    throw new ArgumentError("text", message, { code: "argument/missing" });
  }
}

function isPrompt(end: RgbImage | string): end is string {
  return typeof end === "string";
}
