import { ConfigError, parseConfig } from "../config/config-error.js";
import type { ModelLoadConfig } from "../config/load-config.js";
import type { ClipSource, PriorSource, UnetSource } from "../config/load-config-schema.js";
import { resolveDecoderConfig, resolvePriorConfig } from "../config/resolve.js";
import { trainDecoderConfig, trainPriorConfig } from "../config/train-config.js";
import { Decoder } from "../diffusion/decoder.js";
import { DiffusionPrior } from "../diffusion/prior.js";
import type { UnetSampler } from "../diffusion/unet-sampler.js";
import type { ClipModel } from "../models/clip/clip-model.js";
import { createClip } from "../models/clip/create.js";
import type { Arena } from "../tensor/arena.js";
import { openCheckpoint, type Checkpoint } from "../weights/checkpoint.js";
import { detectDialect } from "../weights/detect-dialect.js";
import { currentDialect, type Dialect } from "../weights/dialect.js";
import { completeDecoderConfig, decoderMisfit, inferDecoder } from "../weights/infer-decoder.js";
import { completePriorConfig, inferPrior, priorMisfit } from "../weights/infer-prior.js";
import { WeightStore, type Weights } from "../weights/store.js";
import { WeightError } from "../weights/weight-error.js";
import { checkImageSizes } from "./cascade.js";
import { openClipFile } from "./clip-file.js";
import type { LoadingOptions } from "./loading-options.js";
import { requireOptions, trainConfigOf, type TrainConfig } from "./train-config-of.js";

/** A model with the weights and the file that it lives on. */
export interface Loaded<Model> {
  readonly model: Model;
  /** How the versions compute that wrote its files: one for each file, none for a CLIP. */
  readonly dialects: readonly Dialect[];
  /** Frees the model. */
  dispose(): void;
}

/** A model whose weights are declared. */
interface Declared<Model> {
  readonly model: Model;
  readonly dialect: Dialect;
  /** Where its config contradicts the shapes in the file. */
  readonly misfit: ConfigError | undefined;
}

/** Loads the models that a load config names, one after the other, onto one arena. */
export class ModelLoader {
  constructor(
    private readonly arena: Arena,
    private readonly config: ModelLoadConfig,
    private readonly options: LoadingOptions,
  ) {}

  /** The prior. Rejects with `ConfigError`, `FormatError` or `WeightError`, each of which names the file. */
  async prior(source: PriorSource): Promise<Loaded<DiffusionPrior>> {
    return this.#load(source, (weights, checkpoint, given) => {
      const dialect = this.#dialect(checkpoint, source, given, "prior");
      const inferred = inferPrior(checkpoint.tensors, dialect.network);
      const { config, missing } = completePriorConfig(given.value, inferred);
      requireOptions(missing, given, this.config);
      const { prior } = parseConfig(trainPriorConfig, config, given.name);
      const sampleTimesteps = source.default_sample_timesteps ?? prior.sample_timesteps;
      const options = resolvePriorConfig({ ...prior, sample_timesteps: sampleTimesteps });
      const model = new DiffusionPrior(weights, options, dialect);
      return { model, dialect, misfit: priorMisfit(checkpoint.name, options, inferred) };
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
      const parts = loaded.flatMap(({ model }, i) => {
        const origin = `decoder.unet_sources[${i}], ${this.config.describe(sources[i]!.load_model_from)}`;
        return model.map((sampler) => ({ sampler, origin }));
      });
      parts.sort((a, b) => a.sampler.index - b.sampler.index);
      checkImageSizes(parts, this.config.source);
      const stages = parts.map(({ sampler }) => sampler);
      const dialects = loaded.flatMap((one) => one.dialects);
      return { model: new Decoder(this.arena, stages), dialects, dispose };
    } catch (error) {
      dispose();
      throw error;
    }
  }

  async #unets(source: UnetSource): Promise<Loaded<readonly UnetSampler[]>> {
    return this.#load(source, (weights, checkpoint, given) => {
      const dialect = this.#dialect(checkpoint, source, given, "decoder");
      const inferred = inferDecoder(checkpoint.tensors, dialect.network);
      const { config, missing } = completeDecoderConfig(given.value, inferred);
      requireOptions(missing, given, this.config);
      const { decoder } = parseConfig(trainDecoderConfig, config, given.name);
      const sampleTimesteps = sourceTimesteps(source, decoder.unets.length) ?? decoder.sample_timesteps;
      const options = resolveDecoderConfig({ ...decoder, sample_timesteps: sampleTimesteps });
      const model = Decoder.declare(weights, options, dialect, source.unet_numbers);
      return { model, dialect, misfit: decoderMisfit(checkpoint.name, options, inferred) };
    });
  }

  /** CLIP. Its file stays open, because token embeddings are read as prompts need them. */
  async clip(source: ClipSource): Promise<Loaded<ClipModel>> {
    const file = await openClipFile(source, this.config, this.options);
    try {
      // Adapters changed their text mask from version to version; for texts with an end token all of them agree.
      const { clip, store, warnings } = createClip(source, file, this.arena, currentDialect.network);
      for (const warning of warnings) this.#warn(warning);
      await this.#read(store).catch((error: unknown) => {
        store.dispose();
        throw error;
      });
      const dispose = (): void => {
        store.dispose();
        file.close().catch(() => undefined);
      };
      return { model: clip, dialects: [], dispose };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Builds a model of a prior or decoder file and its train config, and reads its weights. */
  async #load<Model>(
    { load_model_from: file, load_config_from: configFile, weights }: PriorSource | UnetSource,
    declare: (weights: Weights, checkpoint: Checkpoint, given: TrainConfig) => Declared<Model>,
  ): Promise<Loaded<Model>> {
    const source = await this.config.openFile(file, this.options);
    const checkpoint = await openCheckpoint(source, { signal: this.options.signal, weights: weights ?? undefined });
    const store = new WeightStore(this.arena, checkpoint);
    try {
      const given = await trainConfigOf(checkpoint, configFile, this.config, this.options);
      const { model, dialect, misfit } = declare(store.root, checkpoint, given);
      await this.#read(store, misfit);
      return {
        model,
        dialects: [dialect],
        dispose: () => {
          store.dispose();
        },
      };
    } catch (error) {
      store.dispose();
      throw error;
    } finally {
      await checkpoint.close();
    }
  }

  /** Reads declared weights, once everything that does not fit is known: tensors, and the config's part in it. */
  async #read(store: WeightStore, misfit?: ConfigError): Promise<void> {
    const { signal, onProgress } = this.options;
    const { name } = store.source;
    const strict = this.config.data.strict_loading;
    const problems = store.problems();
    if (strict && problems) throw new WeightError(name, problems, misfit?.message);
    if (strict && misfit) throw misfit;
    if (misfit && !problems) this.#warn(misfit.message);
    await store.load({
      signal,
      strict,
      onWarning: (message) => {
        this.#warn(message);
      },
      onProgress: (loadedBytes, totalBytes) => onProgress?.({ file: name, loadedBytes, totalBytes }),
    });
  }

  /** The dialect of a checkpoint, with warnings of what was assumed. Throws where it holds another kind of model. */
  #dialect(
    checkpoint: Checkpoint,
    { version, dialect: overrides }: PriorSource | UnetSource,
    { value: config }: TrainConfig,
    expected: "prior" | "decoder",
  ): Dialect {
    const { component, dialect, warnings } = detectDialect(checkpoint, { version, overrides, config });
    if (component !== expected) {
      throw new ConfigError(
        `${this.config.source} names ${checkpoint.name} as a ${expected}, but that holds ${COMPONENTS[component]}`,
      );
    }
    for (const warning of warnings) this.#warn(warning);
    return dialect;
  }

  #warn(message: string): void {
    const { onWarning = console.warn } = this.options;
    onWarning(message);
  }
}

const COMPONENTS = {
  prior: "a prior",
  decoder: "a decoder",
  clip: "a CLIP",
  unet: "a U-Net without its decoder's schedule",
  priorNetwork: "the network of a prior without its schedule",
} as const;

/** Steps by U-Net, null where the source names none; undefined where it leaves them all to the checkpoint. */
function sourceTimesteps({ unet_numbers: numbers, default_sample_timesteps: given }: UnetSource, count: number) {
  if (!given) return undefined;
  return Array.from({ length: count }, (_, i) => given[numbers.indexOf(i + 1)] ?? null);
}
