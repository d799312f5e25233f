import { ModelLoadConfig } from "./load-config.js";
import { NO_GUIDANCE } from "../diffusion/guidance.js";
import { joinSettings, type AskedSettings } from "../diffusion/settings.js";
import type { RgbImage } from "../image/image.js";
import { takesText, type Encoders } from "../models/interfaces.js";
import { warnOnConsole } from "../platform/printable.js";
import { canvasNotes } from "./canvas.js";
import { ClipEncoder } from "./clip-encoder.js";
import { checkDecoder, checkDecoderSettings, decoderOf, fillDecoderSettings, sampleDecoder } from "./decoder-call.js";
import { embedTexts, type EmbeddedTexts, type NegativeRun, type TextsCall } from "./embed-texts.js";
import type { Embedding, EmbeddingPair } from "./embedding.js";
import { decoderPlan, TimeEstimate, priorPlan, type ScriptWork } from "./time-estimate.js";
import type { EncodedText } from "./manager/encoded-texts.js";
import { DalleModelManager, type ManagerOptions } from "./manager/model-manager.js";
import { checkNegative } from "./negative-text.js";
import type { GeneratedImage } from "./generated-image.js";
import { fillPriorSettings, priorOf, samplePrior } from "./prior-call.js";
import { forkOf, randomnessOf, withGenerator } from "./randomness.js";
import {
  eachOf,
  type DecoderData,
  type SampleDecoderOptions,
  type SamplePriorOptions,
  type ScriptOptions,
} from "./script-options.js";
import { textsBetween, type TextsBetween } from "./scripts/interpolation.js";
import { checkOptions, checkPriorOptions, type PriorSettings } from "./settings.js";

/** Arguments of the constructors of scripts after the manager: options, and what a subclass adds. */
export type ScriptArguments<Options = ScriptOptions> = readonly [options?: Options, ...own: unknown[]];

/** The same for `create`, whose options include those of the manager. */
export type WithManagerOptions<Rest extends ScriptArguments> = {
  readonly [Index in keyof Rest]: Index extends "0" ? Rest[Index] & ManagerOptions : Rest[Index];
};

/**
 * Base class of scripts that run the models (dalle2-laion's `InferenceScript`). A subclass has a method `run`.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/scripts/InferenceScript.py#L15-L275
 */
export abstract class InferenceScript {
  /** `parameters.script` of its images. */
  protected readonly scriptName: string = this.constructor.name;
  readonly #clip: ClipEncoder;
  #ownsManager = false;

  constructor(
    /** The models that it runs. */
    protected readonly manager: DalleModelManager,
    private readonly options: ScriptOptions = {},
  ) {
    this.#clip = new ClipEncoder(manager, options.tokenization, (message) => {
      this.warn(message);
    });
  }

  /**
   * Loads models for one script, which disposes them with itself. `config` is a load config, or the name, path or URL of one
   * (`ModelLoadConfig.open`). Default: `shapes`, the included model. The other arguments are those of the script's constructor;
   * its options may include those of the manager. Rejects as `DalleModelManager.create`.
   *
   * @example
   * using script = await BasicInference.create("shapes", { dtype: "f32" });
   * const images = await script.run("a red circle on a white background", { seed: 1 });
   */
  static async create<Script extends InferenceScript, Rest extends ScriptArguments>(
    this: new (manager: DalleModelManager, ...rest: Rest) => Script,
    config?: string | ModelLoadConfig,
    ...rest: WithManagerOptions<Rest>
  ): Promise<Script> {
    const [options] = rest as ScriptArguments<ManagerOptions>;
    const script = new this(await DalleModelManager.create(config, options), ...rest);
    script.#ownsManager = true;
    return script;
  }

  /** Disposes the models, if the script is from `create`. Does not dispose a manager that was passed to the constructor. */
  dispose(): void {
    if (this.#ownsManager) this.manager.dispose();
  }

  /** The same as `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Samples `sampleCount` image embeddings for each text or row of tokens. Returns them by index of the text. */
  protected async samplePrior(
    textOrTokens: readonly string[] | readonly Int32Array[],
    options: SamplePriorOptions = {},
  ): Promise<Map<number, Embedding[]>> {
    const pairs = await this.samplePriorPairs(textOrTokens, options);
    return new Map([...pairs].map(([index, each]) => [index, each.map(({ embedding }) => embedding)]));
  }

  /**
   * The same, with the embeddings of negative prompts if the prior samples them in the run of the texts.
   *
   * @internal
   */
  protected async samplePriorPairs(
    textOrTokens: readonly string[] | readonly Int32Array[],
    options: SamplePriorOptions = {},
  ): Promise<Map<number, EmbeddingPair[]>> {
    checkPriorOptions(options);
    return samplePrior(this.manager, (text) => this.tokenizeText(text), textOrTokens, options);
  }

  /**
   * Checks a call of `sampleDecoder` before anything is loaded or encoded, for scripts that run something else first. Throws
   * `ArgumentError` for invalid options, and `SamplingError` if the decoder cannot run them.
   */
  protected checkDecoder(options: SampleDecoderOptions): void {
    checkDecoder(this.manager, options);
  }

  /** The same without the inputs, for scripts that compute these later. */
  protected checkDecoderSettings(options: Omit<SampleDecoderOptions, keyof DecoderData>, inpaints = false): void {
    checkDecoderSettings(this.manager, options, inpaints);
  }

  /** Generates `sampleCount` images for each input. Returns them by index of the input. Rejects as `checkDecoder` throws. */
  protected async sampleDecoder(options: SampleDecoderOptions): Promise<Map<number, GeneratedImage[]>> {
    this.checkDecoder(options);
    for (const note of canvasNotes(decoderOf(this.manager).stages[0]!.info, options)) this.warn(note);
    const encoding = {
      canEncode: this.manager.clip !== undefined,
      embedImages: (images: readonly RgbImage[], signal?: AbortSignal) => this.embedImages(images, signal),
      embedNull: (signal?: AbortSignal) => this.embedNullImage(signal),
      encodeTexts: (texts: readonly string[], signal?: AbortSignal) => this.encodeTexts(texts, signal),
    };
    const { tokenization = "clip" } = this.options;
    return sampleDecoder(this.manager, options, { scriptName: this.scriptName, tokenization, encoding });
  }

  /** Makes the time estimate of a script, for the option `timeEstimate` of each of its calls. Starts now. */
  protected timeEstimate({ prior, decoder }: ScriptWork): TimeEstimate {
    const { manager } = this;
    const plans = [
      ...(prior ? priorPlan(priorOf(manager), { ...prior, ...fillPriorSettings(manager, prior) }) : []),
      ...(decoder
        ? decoderPlan(decoderOf(manager), { ...decoder, ...joinSettings(fillDecoderSettings(manager, decoder)) })
        : []),
    ];
    return new TimeEstimate(new Map(plans));
  }

  /** Returns the settings of `samplePrior` for these options, with defaults filled in. */
  protected priorSettings(options: SamplePriorOptions): PriorSettings {
    return fillPriorSettings(this.manager, options);
  }

  /**
   * Returns the options of `sampleDecoder` with those of a negative prompt, for scripts that do not sample the prior otherwise.
   * `inputs` is the number of inputs. Rejects with `ArgumentError` if the negative prompt would change nothing.
   */
  protected async negativeInputs(
    negativeText: string | readonly string[] | undefined,
    inputs: number,
    options: SampleDecoderOptions,
  ): Promise<SampleDecoderOptions> {
    checkOptions(options);
    if (negativeText === undefined) return options;
    this.checkNegative(options);
    const { sampleCount = 1, signal, onProgress } = options;
    const generator = randomnessOf(options);
    const texts = eachOf("negativeText", negativeText, inputs);
    const needsPrior = this.embedsNegative;
    const timeEstimate = this.timeEstimate({
      prior: needsPrior ? { embeddings: inputs } : undefined,
      decoder: { ...options, images: inputs * sampleCount },
    });
    const call = { ...NO_GUIDANCE, generator: forkOf(generator, sampleCount), signal, onProgress, timeEstimate };
    const embeddings = needsPrior ? await this.samplePrior(texts, call) : undefined;
    return {
      ...withGenerator(options, generator),
      timeEstimate,
      negativeText: texts,
      negativeImageEmbed: embeddings && [...embeddings.values()].flat(),
    };
  }

  /** Whether the prior makes an image embedding of a negative prompt for the decoder. */
  protected get embedsNegative(): boolean {
    return this.manager.prior !== undefined && decoderOf(this.manager).nullText === undefined;
  }

  /**
   * Samples the image embeddings of texts, and those of negative prompts that the decoder is guided away from.
   *
   * @internal
   */
  protected embedTexts(texts: readonly string[], call: TextsCall): Promise<EmbeddedTexts> {
    const sample = (some: readonly string[], options: SamplePriorOptions) => this.samplePriorPairs(some, options);
    return embedTexts(sample, texts, call, this.negativeRun);
  }

  /**
   * How negative prompts become image embeddings.
   *
   * @internal
   */
  protected get negativeRun(): NegativeRun {
    if (this.manager.models.prior?.model.takesNegative === false) return "decoder";
    if (!this.embedsNegative) return "none";
    return priorOf(this.manager).embedsNegative ? "joined" : "own";
  }

  /** Throws `ArgumentError` if a negative prompt would change nothing. `prior` has the settings of the prior. */
  protected checkNegative(options: SampleDecoderOptions, prior: AskedSettings = NO_GUIDANCE): void {
    checkNegative(this.manager, options, prior);
  }

  /** Returns CLIP's embeddings of images, `[dimLatent]` each. Images are first resized to CLIP's size as Pillow's LANCZOS does. */
  protected async embedImages(images: readonly RgbImage[], signal?: AbortSignal): Promise<Embedding[]> {
    return this.#clip.embedImages(images, signal);
  }

  /**
   * Returns the embedding of no image, `[dimLatent]`: what decoders without a null embedding of their own are guided away from.
   * Undefined if the image encoder has none.
   *
   * @internal
   */
  protected async embedNullImage(signal?: AbortSignal): Promise<Embedding | undefined> {
    return this.#clip.embedNull(signal);
  }

  /** Returns text encodings as the decoder takes them, `[contextLength, width]` each: those of CLIP, or of its own encoder. */
  protected async encodeText(text: readonly string[], signal?: AbortSignal): Promise<Embedding[]> {
    const encoded = await this.encodeTexts(text, signal);
    return encoded.map(({ textEncodings }) => textEncodings);
  }

  /**
   * Returns all that the encoder of the decoder's texts computes of them: embeddings, encodings and masks.
   *
   * @internal
   */
  protected async encodeTexts(texts: readonly string[], signal?: AbortSignal): Promise<EncodedText[]> {
    // A text that is given twice has one warning.
    const distinct = [...new Set(texts)];
    const encoded = await this.manager.encodeDecoderTexts(await this.tokenizeDecoderText(distinct), signal);
    return texts.map((one) => encoded[distinct.indexOf(one)]!);
  }

  /**
   * Returns the texts between two others, as the decoder takes them.
   *
   * @internal
   */
  protected async textsBetween(
    [first, last]: readonly [string, string],
    positions: readonly number[],
    signal?: AbortSignal,
  ): Promise<TextsBetween> {
    const [from, to] = await this.encodeTexts([first, last], signal);
    const takesEmbed = decoderOf(this.manager).stages.some(({ info }) => info.takesTextEmbed);
    return textsBetween(from!, to!, positions, takesEmbed);
  }

  /** Returns CLIP's embeddings of texts, `[dimLatent]` each, in the space of its image embeddings. */
  protected async embedText(text: readonly string[], signal?: AbortSignal): Promise<Embedding[]> {
    const encoded = await this.manager.encodeTexts(await this.tokenizeText(text), signal);
    return encoded.map(({ textEmbed }) => textEmbed);
  }

  /** Returns a row of tokens for each text, as CLIP and the prior take them. */
  protected tokenizeText(text: readonly string[]): Promise<Int32Array[]> {
    return this.#clip.tokenize(text);
  }

  /**
   * The same as the decoder takes them, which may have a text encoder of its own.
   *
   * @internal
   */
  protected tokenizeDecoderText(text: readonly string[]): Promise<Int32Array[]> {
    return this.#clip.tokenizeForDecoder(text);
  }

  /** Passes a warning to `onWarning`. */
  protected warn(message: string): void {
    const { onWarning = warnOnConsole } = this.options;
    onWarning(message);
  }

  /** Whether the decoder takes text. */
  protected get takesText(): boolean {
    return takesText(decoderOf(this.manager));
  }

  /**
   * The text that stands for a missing one; undefined if a decoder that takes text needs one.
   *
   * @internal
   */
  protected get nullText(): string | undefined {
    return decoderOf(this.manager).nullText;
  }

  /**
   * The encoders of texts and images. Throws `SamplingError` if the load config names none.
   *
   * @internal
   */
  protected get encoders(): Encoders {
    return this.#clip.encoders;
  }
}
