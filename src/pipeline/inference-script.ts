import { ModelLoadConfig } from "./load-config.js";
import { UNGUIDED } from "../diffusion/guidance.js";
import { joinSettings, type AskedSettings } from "../diffusion/settings.js";
import type { RgbImage } from "../image/image.js";
import type { ClipModel } from "../models/clip/clip-model.js";
import { takesText } from "../models/interfaces.js";
import { warnOnConsole } from "../platform/printable.js";
import { ClipEncoder } from "./clip-encoder.js";
import { checkDecoder, checkDecoderSettings, decoderOf, fillDecoderSettings, sampleDecoder } from "./decoder-call.js";
import type { Embedding } from "./embedding.js";
import { decoderPlan, TimeEstimate, priorPlan, type ScriptWork } from "./time-estimate.js";
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
import { checkOptions, checkPriorOptions, type PriorSettings } from "./settings.js";

/** What constructors of scripts take after the manager: options, and whatever else a subclass wants. */
export type ScriptArguments<Options = ScriptOptions> = readonly [options?: Options, ...own: unknown[]];

/** The same for `create`, where options of the manager may stand among those of the script. */
export type WithManagerOptions<Rest extends ScriptArguments> = {
  readonly [Index in keyof Rest]: Index extends "0" ? Rest[Index] & ManagerOptions : Rest[Index];
};

/**
 * Base of scripts that run the models (dalle2-laion's `InferenceScript`). A script is a subclass with a `run` of its own.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/scripts/InferenceScript.py#L15-L275
 */
export abstract class InferenceScript {
  /** What images name as their script. */
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
   * Loads models for one script alone, which frees them when it is disposed. `config` is a load config, or the name, path or URL
   * of one (`ModelLoadConfig.open`); default: `shapes`, the embedded model. After it come the arguments of the script's
   * constructor, among whose options may be those of the manager. Rejects as `DalleModelManager.create`.
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

  /** Frees the models of a script from `create`; those of a manager that was passed in stay. */
  dispose(): void {
    if (this.#ownsManager) this.manager.dispose();
  }

  /** The same as `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Image embeddings for texts, or for rows of tokens: by index of the text, `sampleCount` for each. */
  protected async samplePrior(
    textOrTokens: readonly string[] | readonly Int32Array[],
    options: SamplePriorOptions = {},
  ): Promise<Map<number, Embedding[]>> {
    checkPriorOptions(options);
    return samplePrior(this.manager, (text) => this.tokenizeText(text), textOrTokens, options);
  }

  /**
   * Throws before anything is loaded or encoded where a call of `sampleDecoder` cannot be meant (`ArgumentError`), or where
   * the decoder cannot do it (`SamplingError`). For scripts that run something else before that call.
   */
  protected checkDecoder(options: SampleDecoderOptions): void {
    checkDecoder(this.manager, options);
  }

  /** The same where the inputs of the call are yet to be made: checks how it samples. */
  protected checkDecoderSettings(options: Omit<SampleDecoderOptions, keyof DecoderData>, inpaints = false): void {
    checkDecoderSettings(this.manager, options, inpaints);
  }

  /** Images: by index of the input, `sampleCount` for each. Throws `ArgumentError` where the decoder needs other inputs. */
  protected async sampleDecoder(options: SampleDecoderOptions): Promise<Map<number, GeneratedImage[]>> {
    const encoding = {
      canEncode: this.manager.clip !== undefined,
      embedImages: (images: readonly RgbImage[], signal?: AbortSignal) => this.embedImages(images, signal),
      encodeText: (text: readonly string[], signal?: AbortSignal) => this.encodeText(text, signal),
    };
    const { tokenization = "clip" } = this.options;
    return sampleDecoder(this.manager, options, { scriptName: this.scriptName, tokenization, encoding });
  }

  /** The time that a script will take, for the `timeEstimate` of each of its calls. Counts from now. */
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

  /** How `samplePrior` samples with these options, defaults filled in. */
  protected priorSettings(options: SamplePriorOptions): PriorSettings {
    return fillPriorSettings(this.manager, options);
  }

  /**
   * What a call of `sampleDecoder` takes for a negative text, for scripts that do not sample the prior otherwise; `inputs`
   * inputs with `sampleCount` images each. Throws `ArgumentError` where it would change nothing.
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
    const hasPrior = this.manager.prior !== undefined;
    const timeEstimate = this.timeEstimate({
      prior: hasPrior ? { embeddings: inputs } : undefined,
      decoder: { ...options, images: inputs * sampleCount },
    });
    const call = { ...UNGUIDED, generator: forkOf(generator, sampleCount), signal, onProgress, timeEstimate };
    const embeddings = hasPrior ? await this.samplePrior(texts, call) : undefined;
    return {
      ...withGenerator(options, generator),
      timeEstimate,
      negativeText: texts,
      negativeImageEmbed: embeddings && [...embeddings.values()].flat(),
    };
  }

  /** Throws `ArgumentError` where a negative text would change nothing, with the prior guided as `prior` says. */
  protected checkNegative(options: SampleDecoderOptions, prior: AskedSettings = UNGUIDED): void {
    checkNegative(this.manager, options, prior);
  }

  /** CLIP's embeddings of images, `[dimLatent]` each. Images are resized to CLIP's size as Pillow's LANCZOS does. */
  protected async embedImages(images: readonly RgbImage[], signal?: AbortSignal): Promise<Embedding[]> {
    return this.#clip.embedImages(images, signal);
  }

  /** CLIP's text encodings, `[contextLength, width]` each. */
  protected async encodeText(text: readonly string[], signal?: AbortSignal): Promise<Embedding[]> {
    // Of a text that is given twice, there is one warning.
    const distinct = [...new Set(text)];
    const encoded = await this.manager.encodeTexts(this.tokenizeText(distinct), signal);
    return text.map((one) => encoded[distinct.indexOf(one)]!.textEncodings);
  }

  /** CLIP's embeddings of texts, `[dimLatent]` each, in the space of its embeddings of images. */
  protected async embedText(text: readonly string[], signal?: AbortSignal): Promise<Embedding[]> {
    const encoded = await this.manager.encodeTexts(this.tokenizeText(text), signal);
    return encoded.map(({ textEmbed }) => textEmbed);
  }

  /** A row of tokens for each text. */
  protected tokenizeText(text: readonly string[]): Int32Array[] {
    return this.#clip.tokenize(text);
  }

  /** Says what is done, though it may not be what was meant (`onWarning`). */
  protected warn(message: string): void {
    const { onWarning = warnOnConsole } = this.options;
    onWarning(message);
  }

  /** Whether the decoder was trained with text. */
  protected get takesText(): boolean {
    return takesText(decoderOf(this.manager));
  }

  /**
   * Throws `SamplingError` where the load config names no CLIP.
   *
   * @internal
   */
  protected get clip(): ClipModel {
    return this.#clip.model;
  }
}
