import { ModelLoadConfig } from "../load-config.js";
import { ArgumentError, checkArguments, list, oneOf, text } from "../../platform/arguments.js";
import { SamplingError } from "../../diffusion/sampling-error.js";
import { joinSettings, withDefaults, type AskedSettings, type CascadeSettings } from "../../diffusion/settings.js";
import { GpuUnavailableError } from "../../gpu/errors.js";
import type { GpuDevice } from "../../gpu/device.js";
import { stageSettings } from "../../models/per-stage.js";
import type { Cascade, ImageEncoder, Prior, TextEncoder } from "../../models/interfaces.js";
import { Arena } from "../../tensor/arena.js";
import type { ComputeType } from "../../tensor/dtype.js";
import { defaultSettings, type DefaultSettings } from "./default-settings.js";
import { BatchSplitter } from "./batch-splitter.js";
import type { ComputedModel, Computed } from "./computed-model.js";
import { ComputedModels, type Models } from "./computed-models.js";
import { EncodedTexts, encodeTokens, type EncodedText } from "./encoded-texts.js";
import { ModelLoader, type Loaded } from "./load-models.js";
import type { LoadingOptions } from "./loading-options.js";
import { Lifetime } from "./lifetime.js";
import { describeLoaded, type ClipInfo, type DecoderInfo, type PriorInfo } from "./model-info.js";
import { openDevice } from "./open-device.js";
import { dryRunDecoder, dryRunPrior, dryRunTextEncoder } from "./dry-run.js";
import { Offloader, type Offload } from "./offload.js";
import { checkOptions, unprefixed, type Prefixed } from "../settings.js";

/** How models are loaded and where they run. */
export interface ManagerOptions extends LoadingOptions {
  /** Device to use; the caller keeps it. Default: the manager opens what `devices` asks for, and closes it when disposed. */
  readonly gpu?: GpuDevice | undefined;
  /**
   * What weights and activations are stored in. `auto`, the default, is f16 on real GPUs that have it, else f32; a component
   * that overflows in f16 is repeated in f32, and stays in f32 then. `f16` repeats nothing.
   */
  readonly dtype?: "auto" | ComputeType | undefined;
  /** Names of components that are to compute in f32 whatever `dtype` is, as images name them in `computedInF32`. */
  readonly computeInF32?: readonly string[] | undefined;
  /**
   * Which weights stay on the GPU once they were used. Default: all, where they take at most three quarters of the GPU's
   * memory or where that is not known, until it is out of memory.
   */
  readonly offload?: Offload | undefined;
}

/** How the models will be called, as far as kernels depend on it; default: as the load config says. */
export type WarmupOptions = Prefixed<"prior", AskedSettings> & Prefixed<"decoder", CascadeSettings>;

const MANAGER_RULES = {
  dtype: oneOf("auto", "f32", "f16"),
  offload: oneOf("never", "idle"),
  computeInF32: list(text),
};

/**
 * The models of a load config (dalle2-laion's `DalleModelManager`), which scripts run. `prior`, `decoder` and `clip` say what
 * they are. Disposable.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/dalle2_laion.py#L81-L310
 *
 * @example
 * using manager = await DalleModelManager.create();
 * const images = await new BasicInference(manager).run("a red circle on a white background");
 */
export class DalleModelManager {
  /** What the load config says. */
  readonly config: ModelLoadConfig;
  /** Device of the models. */
  readonly gpu: GpuDevice;
  /** What the prior is; undefined where the load config names none. */
  readonly prior: PriorInfo | undefined;
  /** What the decoder is; undefined where the load config names none. */
  readonly decoder: DecoderInfo | undefined;
  /** What the CLIP is; undefined where the load config names none. */
  readonly clip: ClipInfo | undefined;
  /**
   * The models themselves.
   *
   * @internal
   */
  readonly models: Models;
  /** What weights and activations are stored in, but for components that compute in f32. */
  readonly dtype: ComputeType;
  readonly #offloader: Offloader;
  readonly #lifetime = new Lifetime();
  readonly #models: ComputedModels;
  readonly #splitters = new Map<string, BatchSplitter>();
  readonly #texts = new EncodedTexts((tokens, signal) =>
    this.withArena((arena) =>
      this.inParts(arena, "texts", tokens.length, (start, end) =>
        this.useTextEncoder(
          (clip) => encodeTokens(arena.withType(clip.dtype), clip, tokens.slice(start, end), signal),
          signal,
        ),
      ),
    ),
  );

  private constructor(
    config: ModelLoadConfig,
    gpu: GpuDevice,
    private readonly weights: Arena,
    models: Models,
    private readonly options: ManagerOptions,
  ) {
    this.config = config;
    this.gpu = gpu;
    this.models = models;
    this.dtype = weights.dtype;
    const { prior, decoder, clip } = describeLoaded(models, config.data.clip);
    this.prior = prior;
    this.decoder = decoder;
    this.clip = clip;
    const components = [models.clip, models.prior, models.decoder].flatMap((model) => model?.components ?? []);
    this.#offloader = new Offloader(gpu, components, options.offload, options);
    const repeats = (options.dtype ?? "auto") === "auto";
    this.#models = new ComputedModels(models, config, weights, this.#offloader, { ...options, repeats });
  }

  /**
   * Opens the files of every model that `config` names and checks that they fit; weights are read when they are needed.
   * `config` is a load config, or the name, path or URL of one (`ModelLoadConfig.open`); default: `shapes`, the embedded model.
   * Rejects with the error of the first that fails (`FileError`, `FormatError`, `ConfigError`, `WeightError`,
   * `GpuUnavailableError`) and leaves nothing behind.
   *
   * @example
   * using manager = await DalleModelManager.create();
   * const images = await new BasicInference(manager).run("a red circle on a white background");
   */
  static async create(
    config: ModelLoadConfig | string = "shapes",
    options: ManagerOptions = {},
  ): Promise<DalleModelManager> {
    checkArguments(MANAGER_RULES, options);
    const { signal, fetch, patience } = options;
    const opened =
      typeof config === "string" ? await ModelLoadConfig.open(config, { signal, fetch, patience }) : config;
    return DalleModelManager.#create(opened, options);
  }

  static async #create(config: ModelLoadConfig, options: ManagerOptions): Promise<DalleModelManager> {
    config.retryHosts();
    const gpu = options.gpu ?? (await openDevice(config, options));
    const loaded: { dispose(): void }[] = [];
    const keep = <Model>(one: Loaded<Model>): Loaded<Model> => {
      loaded.push(one);
      return one;
    };
    // Weights are loaded on a stream of their own: calls read them, and each has one too.
    const stream = gpu.stream();
    try {
      const weights = new Arena(stream, computeType(gpu, options.dtype ?? "auto"));
      const loader = new ModelLoader(weights, config, options);
      const { prior, decoder, clip } = config.data;
      const models = {
        prior: prior ? keep(await loader.prior(prior)) : undefined,
        decoder: decoder ? keep(await loader.decoder(decoder)) : undefined,
        clip: clip ? keep(await loader.clip(clip)) : undefined,
      };
      const manager = new DalleModelManager(config, gpu, weights, models, options);
      // Also what it opened to compute in f32.
      loaded.splice(0, loaded.length, {
        dispose: () => {
          manager.#models.dispose();
        },
      });
      await manager.#models.computeInF32(options.computeInF32 ?? []);
      return manager;
    } catch (error) {
      for (const one of loaded) one.dispose();
      stream.close();
      if (options.gpu === undefined) gpu.dispose();
      throw error;
    }
  }

  /** How prior and decoder are sampled where a call does not say it, as far as the load config does. */
  get defaults(): DefaultSettings {
    return defaultSettings(this.config);
  }

  /** Which weights stay on the GPU; "idle" too once they did not fit together. */
  get offload(): Offload {
    return this.#offloader.offload;
  }

  /**
   * Runs `body` while the prior's weights are on the GPU, as the others of its kind do for their component: the first brings
   * them there. `body` must not use another component: with one at a time, that would wait for `body` itself. With dtype
   * `auto`, where `body` rejects because values are not finite in f16, it is run once more with the model in f32. Rejects
   * with `SamplingError` where the load config names none, with `WeightMemoryError` where they do not fit, with
   * `NotFiniteError` that says what to do.
   *
   * @internal
   */
  usePrior<T>(body: (prior: Computed<Prior>) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#use(this.#models.prior, "prior", 0, body, signal);
  }

  /**
   * As `usePrior`, for the half of CLIP that reads texts.
   *
   * @internal
   */
  useTextEncoder<T>(body: (encoder: Computed<TextEncoder>) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#use(this.#models.clip, "CLIP", 0, body, signal);
  }

  /**
   * As `usePrior`, for the half of CLIP that sees images.
   *
   * @internal
   */
  useImageEncoder<T>(body: (encoder: Computed<ImageEncoder>) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#use(this.#models.clip, "CLIP", 1, body, signal);
  }

  /**
   * What CLIP makes of rows of tokens, on the host. What was encoded lately is not encoded again.
   *
   * @internal
   */
  encodeTexts(tokens: readonly Int32Array[], signal?: AbortSignal): Promise<EncodedText[]> {
    return this.#texts.of(tokens, signal);
  }

  /**
   * As `usePrior`, for a component of the decoder by its name, of those that its stages need.
   *
   * @internal
   */
  async useCascade<T>(
    component: string,
    body: (decoder: Computed<Cascade>) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const names = this.models.decoder?.components.map(({ name }) => name) ?? [];
    if (this.models.decoder && !names.includes(component)) {
      const message = `The decoder has no component ${JSON.stringify(component)}; it has ${names.join(", ")}.`;
      throw new ArgumentError("component", message, { code: "argument/invalid" });
    }
    return this.#use(this.#models.decoder, "decoder", names.indexOf(component), body, signal);
  }

  /** Brings each component to the GPU once, one after the other: a check that all weights can be read. */
  async tryComponents(signal?: AbortSignal): Promise<void> {
    const { clip, prior, decoder } = this.#models;
    for (const model of [clip, prior, decoder]) {
      for (const index of model?.loaded.components.keys() ?? []) {
        await this.#lifetime.run(() => model!.use(index, () => Promise.resolve(), signal), signal);
      }
    }
  }

  async #use<Model, T>(
    model: ComputedModel<Model> | undefined,
    what: string,
    index: number,
    body: (computed: Computed<Model>) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    if (!model?.loaded.components[index]) {
      throw new SamplingError(`There is no ${what} in the load config, and this needs one.`, {
        code: "sampling/no-model",
      });
    }
    return this.#lifetime.run(() => model.use(index, body, signal), signal);
  }

  /** Brings all weights to the GPU now, so that nothing waits for them later; nothing where they are to come one at a time. */
  async load(signal?: AbortSignal): Promise<void> {
    await this.#lifetime.run(() => this.#offloader.load(signal), signal);
  }

  /** Frees the GPU memory of all weights that are not being used. What needs them reads them again. */
  release(): void {
    this.#offloader.evictIdle();
  }

  /**
   * Runs a call with an arena of its own, on a stream that no other call has: errors of others are not its errors. What it
   * left on the stream when it failed or was aborted is dropped.
   *
   * @internal
   */
  async withArena<T>(body: (arena: Arena) => Promise<T>): Promise<T> {
    using stream = this.gpu.stream();
    return await body(new Arena(stream, this.dtype));
  }

  /**
   * Computes the rows of a batch, as `body` does from row `start` to row `end`: all at once, or in parts where the GPU has no
   * memory for that, of which it warns once for each of `name`. `body` must give a row the same value in any company; with
   * `most` it computes that many rows at once and no more.
   *
   * @internal
   */
  inParts<Row>(
    arena: Arena,
    name: string,
    size: number,
    body: (start: number, end: number) => Promise<readonly Row[]>,
    most?: number,
  ): Promise<Row[]> {
    let splitter = this.#splitters.get(name);
    if (!splitter) {
      splitter = new BatchSplitter(name, this.gpu, this.#offloader, this.options.onWarning);
      this.#splitters.set(name, splitter);
    }
    return this.#lifetime.run(() => splitter.run(arena, size, body, most));
  }

  /** Compiles the kernels of one step of each model, in parallel, so that the first image need not wait for them. */
  async warmup(options: WarmupOptions = {}): Promise<void> {
    checkOptions(options);
    await this.#lifetime.run(() => this.#compile(options));
  }

  async #compile(options: WarmupOptions): Promise<void> {
    const { defaults } = this;
    const { clip, prior, decoder } = this.models;
    using stream = this.gpu.stream({ executor: "compile" });
    const arena = new Arena(stream, this.dtype);
    if (clip) await dryRunTextEncoder(arena, clip.model, 1);
    if (prior) await dryRunPrior(arena, prior.model, 1, withDefaults(unprefixed("prior", options), defaults.prior));
    if (decoder) {
      const each = stageSettings(decoder.model.stages, unprefixed("decoder", options), defaults.decoder);
      await dryRunDecoder(arena, decoder.model, 1, joinSettings(each));
    }
    await stream.sync();
  }

  /**
   * Frees the models, closes their files, and the device too if the manager opened it. Calls that are running, and later ones,
   * reject with `DisposedError`.
   */
  dispose(): void {
    if (!this.#lifetime.end()) return;
    this.#models.dispose();
    this.weights.stream.close();
    if (this.options.gpu === undefined) this.gpu.dispose();
  }

  /** The same as `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

function computeType({ features, adapter }: GpuDevice, dtype: "auto" | ComputeType): ComputeType {
  // Software adapters emulate half precision, and are slower for it.
  if (dtype === "auto") return features.f16 && !adapter.isSoftware ? "f16" : "f32";
  if (dtype === "f16" && !features.f16) {
    throw new GpuUnavailableError(`${adapter.description || "This adapter"} has no shader-f16`, {
      advice: 'use dtype "f32"',
    });
  }
  return dtype;
}
