import { ModelLoadConfig, type ConfigLocation } from "../load-config.js";
import { ArgumentError, checkArguments, list, oneOf, text } from "../../platform/arguments.js";
import { GpuUnavailableError } from "../../gpu/errors.js";
import type { GpuDevice } from "../../gpu/device.js";
import type { OpenGpuOptions } from "../../gpu/open.js";
import type { Cascade, ImageEncoder, Prior, TextEncoder } from "../../models/interfaces.js";
import { Arena } from "../../tensor/arena.js";
import { WEIGHT_FORMATS, type ComputeType, type WeightFormat } from "../../tensor/dtype.js";
import { defaultSettings, type DefaultSettings } from "./default-settings.js";
import { BatchSplitter } from "./batch-splitter.js";
import type { ComputedModel, Computed } from "./computed-model.js";
import { ComputedModels, type Models } from "./computed-models.js";
import type { EncodedText } from "./encoded-texts.js";
import type { Loaded, ModelEntries, ModelLoader } from "./load-models.js";
import type { LoadingOptions } from "./loading-options.js";
import { loadPart } from "../../platform/load-part.js";
import { Lifetime } from "./lifetime.js";
import { describeLoaded, type ClipInfo, type DecoderInfo, type PriorInfo } from "./model-info.js";
import { ModelTexts } from "./model-texts.js";
import { missingModel, type ModelPart } from "./missing-model.js";
import { openDevice } from "./open-device.js";
import { Offloader, type Offload } from "./offload.js";
import type { GeneratedOn } from "../records/image-record.js";
import { checkOptions } from "../settings.js";
import { compileKernels, type WarmupOptions } from "./warmup.js";

/** Options of `DalleModelManager.create`. */
export interface ManagerOptions extends LoadingOptions {
  /** Device to use. The caller disposes it. Default: the manager opens the device of `devices`, and disposes it with itself. */
  readonly gpu?: GpuDevice | undefined;
  /** Variants of kernels, as in `openGpu`, if the manager opens the device. */
  readonly tuning?: OpenGpuOptions["tuning"];
  /**
   * Dtype of weights and activations. `auto`, the default, is f16 on GPUs that have it, and f32 on others and on software
   * adapters; a component that overflows in f16 is repeated in f32 and stays in f32. `f16` does not repeat.
   */
  readonly dtype?: "auto" | ComputeType | undefined;
  /**
   * What weights of linear layers and convolutions are stored in. `full`, the default, is `dtype`. `int8` is a byte for each, and
   * a factor for each output: a quarter of f32, half of f16. Images are slightly different.
   */
  readonly weights?: WeightFormat | undefined;
  /** Names of components that compute in f32 with any `dtype`. Images list them in `parameters.computedInF32`. */
  readonly computeInF32?: readonly string[] | undefined;
  /**
   * Which components leave the GPU when they are not in use. Default: `never` if all weights take at most three quarters of the
   * GPU's memory, or if its size is not known; else `idle`. If the GPU runs out of memory, `never` changes to `idle`.
   */
  readonly offload?: Offload | undefined;
}

/** Options of `DalleModelManager.generatedOn`. */
export interface DescribeOptions {
  /** How to name the load config. Default: its name, path or URL. The default config of the package is not named. */
  readonly config?: string | undefined;
  /** Aborts reading. */
  readonly signal?: AbortSignal | undefined;
}

const MANAGER_RULES = {
  dtype: oneOf("auto", "f32", "f16"),
  weights: oneOf(...WEIGHT_FORMATS),
  offload: oneOf("never", "idle"),
  computeInF32: list(text),
};

/**
 * The models of a load config, which scripts run (dalle2-laion's `DalleModelManager`). `prior`, `decoder` and `clip` describe
 * them. Disposable.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/dalle2_laion.py#L81-L310
 *
 * @example
 * using manager = await DalleModelManager.create();
 * const images = await new BasicInference(manager).run("a red circle on a white background");
 */
export class DalleModelManager {
  /** The load config. */
  readonly config: ModelLoadConfig;
  /** The device of the models. */
  readonly gpu: GpuDevice;
  /** Description of the prior; undefined if the load config has none. */
  readonly prior: PriorInfo | undefined;
  /** Description of the decoder; undefined if the load config has none. */
  readonly decoder: DecoderInfo | undefined;
  /** Description of CLIP; undefined if the load config has none. */
  readonly clip: ClipInfo | undefined;
  /**
   * The models themselves.
   *
   * @internal
   */
  readonly models: Models;
  /** Dtype of weights and activations, except of components that compute in f32. */
  readonly dtype: ComputeType;
  /** What weights of linear layers and convolutions are stored in. */
  readonly weightFormat: WeightFormat;
  readonly #offloader: Offloader;
  readonly #lifetime = new Lifetime();
  readonly #models: ComputedModels;
  readonly #splitters = new Map<string, BatchSplitter>();
  readonly #texts = new ModelTexts(this);

  private constructor(
    config: ModelLoadConfig,
    gpu: GpuDevice,
    private readonly weights: Arena,
    models: Models,
    entries: ModelEntries,
    loader: ModelLoader,
    private readonly options: ManagerOptions,
  ) {
    this.config = config;
    this.gpu = gpu;
    this.models = models;
    this.dtype = weights.dtype;
    this.weightFormat = options.weights ?? "full";
    const { prior, decoder, clip } = describeLoaded(models, entries.clip, this.defaults);
    this.prior = prior;
    this.decoder = decoder;
    this.clip = clip;
    const components = [models.clip, models.prior, models.decoder].flatMap((model) => model?.components ?? []);
    this.#offloader = new Offloader(gpu, components, options.offload, options);
    const repeats = (options.dtype ?? "auto") === "auto";
    this.#models = new ComputedModels(models, loader, entries, weights, this.#offloader, { ...options, repeats });
  }

  /**
   * Opens the files of all models of a load config and checks that they fit. Files on servers are downloaded meanwhile and afterwards.
   * Weights are read when they are first needed.
   * `config` is a load config, or what `ModelLoadConfig.open` opens: the name, path or URL of one, or a file or folder that the
   * user of a page picked or dropped. Default: `shapes`, the included model.
   * Rejects with the first error (`FileError`, `FormatError`, `ConfigError`, `WeightError`, `GpuUnavailableError`,
   * `ArgumentError`) and closes what it opened.
   *
   * @example
   * using manager = await DalleModelManager.create();
   * const images = await new BasicInference(manager).run("a red circle on a white background");
   */
  static async create(
    config: ModelLoadConfig | ConfigLocation = "shapes",
    options: ManagerOptions = {},
  ): Promise<DalleModelManager> {
    checkArguments(MANAGER_RULES, options);
    const opened = config instanceof ModelLoadConfig ? config : await ModelLoadConfig.open(config, options);
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
    // Weights have a stream of their own, since each call has its own too.
    const stream = gpu.stream();
    try {
      const weights = new Arena(stream, computeType(gpu, options.dtype ?? "auto"), { weights: options.weights });
      const { ModelLoader } = await loadPart("the loader of models", () => import("./load-models.js"));
      const loader = new ModelLoader(weights, config, options);
      const entries = await loader.entries();
      const { prior, decoder, clip } = entries;
      const models = {
        prior: prior ? keep(await loader.prior(prior)) : undefined,
        decoder: decoder ? keep(await loader.decoder(decoder)) : undefined,
        clip: clip ? keep(await loader.clip(clip)) : undefined,
      };
      const manager = new DalleModelManager(config, gpu, weights, models, entries, loader, options);
      // Disposes also the models that were opened in f32.
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

  /** Settings of the load config for calls that do not give their own. */
  get defaults(): DefaultSettings {
    return defaultSettings(this.config);
  }

  /** Which components leave the GPU now. It is "idle" once the weights did not fit together. */
  get offload(): Offload {
    return this.#offloader.offload;
  }

  /**
   * Runs `body` while the weights of the prior are on the GPU, and loads them if they are not. `body` must not use another
   * component: with offload "idle", that would wait for `body` itself. With dtype `auto`, if `body` rejects because values are
   * not finite in f16, it runs again with the model in f32. Rejects with `SamplingError` if there is no prior, with
   * `WeightMemoryError` if its weights do not fit, and with `NotFiniteError`.
   *
   * @internal
   */
  usePrior<T>(body: (prior: Computed<Prior>) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#use(this.#models.prior, "prior", 0, body, signal);
  }

  /**
   * As `usePrior`, for CLIP's text encoder.
   *
   * @internal
   */
  useTextEncoder<T>(body: (encoder: Computed<TextEncoder>) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const encoders = this.models.clip?.model;
    const [what, index] = encoders?.text ? (["CLIP", 0] as const) : ([encoders ? "text encoder" : "CLIP", -1] as const);
    return this.#use(this.#models.clip, what, index, (clip) => body({ ...clip, model: clip.model.text! }), signal);
  }

  /**
   * As `usePrior`, for CLIP's image encoder.
   *
   * @internal
   */
  useImageEncoder<T>(body: (encoder: Computed<ImageEncoder>) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#use(
      this.#models.clip,
      "image encoder",
      this.models.clip?.model.text ? 1 : 0,
      (clip) => body({ ...clip, model: clip.model.image! }),
      signal,
    );
  }

  /**
   * Encodes rows of tokens by CLIP, on the host. Recent texts are not encoded again.
   *
   * @internal
   */
  encodeTexts(tokens: readonly Int32Array[], signal?: AbortSignal): Promise<EncodedText[]> {
    return this.#texts.ofPrior(tokens, signal);
  }

  /**
   * The same as the decoder reads them: by its own text encoder, if it has one.
   *
   * @internal
   */
  encodeDecoderTexts(tokens: readonly Int32Array[], signal?: AbortSignal): Promise<EncodedText[]> {
    return this.#texts.ofDecoder(tokens, signal);
  }

  /**
   * As `usePrior`, for a component of the decoder, by name.
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

  /** Loads each component once, one after the other, to check that all weights can be read. */
  async loadEachComponent(signal?: AbortSignal): Promise<void> {
    const { clip, prior, decoder } = this.#models;
    for (const model of [clip, prior, decoder]) {
      for (const index of model?.loaded.components.keys() ?? []) {
        await this.#lifetime.run(() => model!.use(index, () => Promise.resolve(), signal), signal);
      }
    }
  }

  async #use<Model, T>(
    model: ComputedModel<Model> | undefined,
    what: ModelPart,
    index: number,
    body: (computed: Computed<Model>) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    if (!model?.loaded.components[index]) throw missingModel(this.config, what);
    return this.#lifetime.run(() => model.use(index, body, signal), signal);
  }

  /**
   * Loads all components but those named `except` now, so that no call waits for them. Does nothing with offload "idle". Kernels
   * can compile meanwhile (`warmup`). Resolves once their downloads are complete and verified. An abort pauses the downloads.
   */
  async load(signal?: AbortSignal, except: readonly string[] = []): Promise<void> {
    await this.#lifetime.run(() => this.#offloader.load(signal, except), signal);
  }

  /** Frees the GPU memory of all components that are not in use. They are loaded again when they are needed. */
  offloadIdle(): void {
    this.#offloader.offloadIdle();
  }

  /**
   * Runs a call with its own arena and command stream, so that calls do not see each other's errors. If the call fails or is
   * aborted, commands that are left on the stream are dropped.
   *
   * @internal
   */
  async withArena<T>(body: (arena: Arena) => Promise<T>): Promise<T> {
    using stream = this.gpu.stream();
    return await body(new Arena(stream, this.dtype));
  }

  /**
   * Computes the rows of a batch by `body`, which computes the rows `start` to `end`: together, or in parts of at most `maxRows`
   * that the GPU has memory for. Warns once for each `name` if memory makes parts necessary. The value that `body` computes for
   * a row must not depend on the other rows.
   *
   * @internal
   */
  splitBatch<Row>(
    arena: Arena,
    name: string,
    size: number,
    body: (start: number, end: number) => Promise<readonly Row[]>,
    maxRows?: number,
  ): Promise<Row[]> {
    let splitter = this.#splitters.get(name);
    if (!splitter) {
      splitter = new BatchSplitter(name, this.gpu, this.#offloader, this.options.onWarning);
      this.#splitters.set(name, splitter);
    }
    return this.#lifetime.run(() => splitter.run(arena, size, body, maxRows));
  }

  /**
   * Compiles the kernels of all models in parallel, so that the first image does not wait for them. `onProgress` is told how many
   * are compiled.
   */
  async warmup(options: WarmupOptions = {}): Promise<void> {
    checkOptions(options);
    await this.#lifetime.run(() => compileKernels(this, options), options.signal);
  }

  /**
   * Describes the models and where they run, for the records of images (`encodeRecorded`). Reads samples of the model files.
   * Rejects with `FileError` if one cannot be read.
   */
  async generatedOn({ config, signal }: DescribeOptions = {}): Promise<GeneratedOn> {
    return this.#lifetime.run(async () => {
      const { describeModels } = await loadPart("records of images", () => import("../records/generated-on.js"));
      return describeModels(this, config, { ...this.options, signal });
    }, signal);
  }

  /**
   * Frees the models and closes their files. Disposes the device if the manager opened it. Running and later calls reject with
   * `DisposedError`.
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
  // Software adapters emulate f16, which makes it slower.
  if (dtype === "auto") return features.f16 && !adapter.isSoftware ? "f16" : "f32";
  if (dtype === "f16" && !features.f16) {
    throw new GpuUnavailableError(`${adapter.description || "This adapter"} has no shader-f16`, {
      advice: 'use dtype "f32"',
    });
  }
  return dtype;
}
