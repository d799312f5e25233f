import { ConfigError, parseConfig } from "../config/config-error.js";
import type { FileLocation, ModelLoadConfig, UnetSource } from "../config/load-config.js";
import { readJson } from "../config/read-json.js";
import { resolveDecoderConfig, resolvePriorConfig } from "../config/resolve.js";
import { trainDecoderConfig, trainPriorConfig } from "../config/train-config.js";
import { Decoder } from "../diffusion/decoder.js";
import { DiffusionPrior } from "../diffusion/prior.js";
import type { UnetSampler } from "../diffusion/unet-sampler.js";
import { openSource } from "../files/open.js";
import type { ClipModel } from "../models/clip/clip-model.js";
import { OpenAiClip } from "../models/clip/openai.js";
import { inferOpenAiClip } from "../models/clip/openai-options.js";
import type { Arena } from "../tensor/arena.js";
import { openCheckpoint, type Checkpoint } from "../weights/checkpoint.js";
import { currentDialect, dialectForVersion, type Dialect } from "../weights/dialect.js";
import { WeightStore, type Weights } from "../weights/store.js";
import { UnsupportedError } from "../weights/unsupported-error.js";

export interface LoadProgress {
  /** The file being read. */
  readonly file: string;
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

export interface LoadingOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** Takes what `strict_loading: false` tolerates; default `console.warn`. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** A model with the weights and the file that it lives on. */
export interface Loaded<Model> {
  readonly model: Model;
  /** DALLE2-pytorch's version in the checkpoint, where it has one. */
  readonly version: string | undefined;
  /** Frees the model. */
  dispose(): void;
}

/** Loads the models that a load config names, one after the other, onto one arena. */
export class ModelLoader {
  constructor(
    private readonly arena: Arena,
    private readonly config: ModelLoadConfig,
    private readonly options: LoadingOptions,
  ) {}

  /** The prior. Rejects with `ConfigError`, `FormatError` or `WeightError`, each of which names the file. */
  async prior(source: NonNullable<ModelLoadConfig["data"]["prior"]>): Promise<Loaded<DiffusionPrior>> {
    return this.#load(source.load_model_from, async (weights, checkpoint) => {
      const { value, name } = await this.#trainConfig(checkpoint, source.load_config_from);
      const { prior } = parseConfig(trainPriorConfig, value, name);
      const sampleTimesteps = source.default_sample_timesteps ?? prior.sample_timesteps;
      const options = resolvePriorConfig({ ...prior, sample_timesteps: sampleTimesteps });
      return new DiffusionPrior(weights, options, dialectOf(checkpoint, /\bnull_text_encodings$/));
    });
  }

  /**
   * The decoder, its U-Nets taken from one checkpoint or several. Each U-Net keeps the sampler that it was trained for;
   * upstream keeps schedules and variances only and samples the rest by default.
   */
  async decoder({ unet_sources: sources }: NonNullable<ModelLoadConfig["data"]["decoder"]>): Promise<Loaded<Decoder>> {
    const loaded: Loaded<readonly UnetSampler[]>[] = [];
    const dispose = (): void => {
      for (const one of loaded) one.dispose();
    };
    try {
      for (const source of sources) loaded.push(await this.#unets(source));
      const stages = loaded.flatMap(({ model }) => model).sort((a, b) => a.index - b.index);
      return { model: new Decoder(this.arena, stages), version: loaded[0]!.version, dispose };
    } catch (error) {
      dispose();
      throw error;
    }
  }

  async #unets(source: UnetSource): Promise<Loaded<readonly UnetSampler[]>> {
    return this.#load(source.load_model_from, async (weights, checkpoint) => {
      const { value, name } = await this.#trainConfig(checkpoint, source.load_config_from);
      const { decoder } = parseConfig(trainDecoderConfig, value, name);
      const sampleTimesteps = sourceTimesteps(source, decoder.unets.length) ?? decoder.sample_timesteps;
      const options = resolveDecoderConfig({ ...decoder, sample_timesteps: sampleTimesteps });
      const dialect = dialectOf(checkpoint, /\bcross_attn\.to_q\.weight$/);
      return Decoder.declare(weights, options, dialect, source.unet_numbers);
    });
  }

  /** CLIP. Its file stays open, because token embeddings are read as prompts need them. */
  async clip({
    make,
    model,
    load_model_from: file,
  }: NonNullable<ModelLoadConfig["data"]["clip"]>): Promise<Loaded<ClipModel>> {
    if (make !== "openai")
      throw new UnsupportedError(`${this.config.source}: clip.make "${make}"; only "openai" is built`);
    if (!file) {
      throw new ConfigError(
        `${this.config.source}: clip.load_model_from is missing; name a file with OpenAI's weights, as {"load_type": "local", "path": …}`,
      );
    }
    // Adapters changed their text mask from version to version; for texts with an end token all of them agree.
    const { network } = currentDialect;
    return this.#load(
      file,
      (weights, checkpoint) =>
        Promise.resolve(new OpenAiClip(weights, inferOpenAiClip(checkpoint, { make, model }), network)),
      { keepOpen: true },
    );
  }

  async #load<Model>(
    file: FileLocation,
    build: (weights: Weights, checkpoint: Checkpoint) => Promise<Model>,
    { keepOpen = false }: { keepOpen?: boolean } = {},
  ): Promise<Loaded<Model>> {
    const { signal, onProgress, onWarning = console.warn } = this.options;
    const path = this.config.locate(file);
    const checkpoint = await openCheckpoint(await openSource(path), { signal });
    const store = new WeightStore(this.arena, checkpoint);
    try {
      const model = await build(store.root, checkpoint);
      await store.load({
        signal,
        strict: this.config.data.strict_loading,
        onWarning,
        onProgress: (loadedBytes, totalBytes) => onProgress?.({ file: path, loadedBytes, totalBytes }),
      });
      if (!keepOpen) await checkpoint.close();
      const dispose = (): void => {
        store.dispose();
        if (keepOpen) checkpoint.close().catch(() => undefined);
      };
      return { model, version: checkpoint.version, dispose };
    } catch (error) {
      store.dispose();
      await checkpoint.close();
      throw error;
    }
  }

  /** The train config in the checkpoint, or else in the file beside it. */
  async #trainConfig(checkpoint: Checkpoint, beside: FileLocation | null | undefined) {
    if (checkpoint.config !== undefined) return { value: checkpoint.config, name: checkpoint.name };
    if (!beside) {
      throw new ConfigError(
        `${checkpoint.name} holds no config of its own; name one as load_config_from in ${this.config.source}`,
      );
    }
    const name = this.config.locate(beside);
    return { value: await readJson(name), name };
  }
}

/** Steps by U-Net, null where the source names none; undefined where it leaves them all to the checkpoint. */
function sourceTimesteps({ unet_numbers: numbers, default_sample_timesteps: given }: UnetSource, count: number) {
  if (!given) return undefined;
  return Array.from({ length: count }, (_, i) => given[numbers.indexOf(i + 1)] ?? null);
}

/** The dialect of a checkpoint by its version; one without is taken for current where it has a tensor of today's names. */
function dialectOf({ name, version, tensors }: Checkpoint, currentName: RegExp): Dialect {
  if (version !== undefined) return dialectForVersion(version, { sampler: "fixed" });
  if ([...tensors.keys()].some((tensor) => currentName.test(tensor))) return currentDialect;
  throw new UnsupportedError(
    `${name} does not say which version of DALLE2-pytorch made it, and its names are not those of 1.14; such checkpoints cannot be read yet.`,
  );
}
