import { ConfigError, parseConfig } from "../../config/config-error.js";
import type { ModelLoadConfig } from "../../config/load-config.js";
import type { ClipSource, PriorSource, UnetSource } from "../../config/load-config-schema.js";
import { resolveDecoderConfig, resolvePriorConfig } from "../../models/dalle2-pytorch/options.js";
import { describeIgnored, trainDecoderConfig, trainPriorConfig } from "../../models/dalle2-pytorch/train-config.js";
import { Decoder } from "../../models/dalle2-pytorch/decoder.js";
import { DiffusionPrior, PRIOR_NAME } from "../../models/dalle2-pytorch/diffusion-prior.js";
import type { UnetSampler } from "../../models/dalle2-pytorch/unet-sampler.js";
import type { ClipModel } from "../../models/clip/clip-model.js";
import { createClip } from "../../models/clip/create.js";
import type { Arena } from "../../tensor/arena.js";
import type { Checkpoint } from "../../weights/checkpoint.js";
import { detectDialect } from "../../models/dalle2-pytorch/dialect/detect-dialect.js";
import { currentDialect, type Dialect } from "../../models/dalle2-pytorch/dialect/dialect.js";
import {
  completeDecoderConfig,
  decoderMisfit,
  inferDecoder,
} from "../../models/dalle2-pytorch/inference/infer-decoder.js";
import { completePriorConfig, inferPrior, priorMisfit } from "../../models/dalle2-pytorch/inference/infer-prior.js";
import type { Weights } from "../../weights/store.js";
import { WeightSet } from "../../weights/weight-set.js";
import { WeightStore } from "../../weights/weight-store.js";
import { WeightError } from "../../weights/weight-error.js";
import { checkImageSizes } from "./cascade.js";
import { openClipFile } from "./clip-file.js";
import { IMAGE_ENCODER, TEXT_ENCODER, type Component } from "./component.js";
import type { LoadingOptions } from "./loading-options.js";
import { withPublishedConfig } from "./published-clip-config.js";
import { openSourceCheckpoint } from "./source-checkpoint.js";
import { requireOptions, trainConfigOf, type TrainConfig } from "./train-config-of.js";
import { warnOnConsole } from "../../platform/printable.js";

/** A model that is ready for its weights: its files are open and were checked, and nothing of it is on the GPU yet. */
export interface Loaded<Model> {
  readonly model: Model;
  /** How the versions compute that wrote its files: one for each file, none for a CLIP. */
  readonly dialects: readonly Dialect[];
  /** What its weights come in. The prior has one; a decoder one for each U-Net, in order; a CLIP its text encoder and its image encoder. */
  readonly components: readonly Component[];
  /** Frees the model, and closes its files. */
  dispose(): void;
}

/** A model whose weights are declared. */
interface Declared<Model> {
  readonly model: Model;
  readonly dialect: Dialect;
  /** Where its config contradicts the shapes in the file. */
  readonly misfit: ConfigError | undefined;
  readonly components: readonly Component[];
}

/** Makes the models that a load config names; `arena` is for their weights. Of their files the headers are read, and the noise schedules. */
export class ModelLoader {
  constructor(
    private readonly arena: Arena,
    private readonly config: ModelLoadConfig,
    private readonly options: LoadingOptions,
    /** With `headersOnly` no noise schedule is read either: models have the right sizes, and cannot sample. */
    private readonly extent: { readonly headersOnly?: boolean } = {},
  ) {}

  /** The prior. Rejects with `ConfigError`, `FormatError` or `WeightError`, each of which names the file. */
  async prior(source: PriorSource): Promise<Loaded<DiffusionPrior>> {
    return this.#open("prior", source, (weights, checkpoint, given) => {
      const dialect = this.#dialect(checkpoint, source, given, "prior");
      const inferred = inferPrior(checkpoint.tensors, dialect.network);
      const { config, missing } = completePriorConfig(given.value, inferred);
      requireOptions(missing, given, this.config);
      const { prior } = parseConfig(trainPriorConfig, config, given.name);
      const sampleTimesteps = source.default_sample_timesteps ?? prior.sample_timesteps;
      const options = resolvePriorConfig({ ...prior, sample_timesteps: sampleTimesteps });
      const network = new WeightStore(this.arena, checkpoint);
      const model = new DiffusionPrior(weights, options, dialect, network.root);
      const misfit = priorMisfit(checkpoint.name, options, inferred);
      return { model, dialect, misfit, components: [{ name: PRIOR_NAME, weights: network }] };
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
      const parts = loaded.flatMap(({ model, components }, i) => {
        const origin = `decoder.unet_sources[${i}], ${this.config.describe(sources[i]!.load_model_from)}`;
        return model.map((sampler, j) => ({ sampler, origin, component: components[j]! }));
      });
      parts.sort((a, b) => a.sampler.index - b.sampler.index);
      checkImageSizes(parts, this.config.source);
      const stages = parts.map(({ sampler }) => sampler);
      return {
        model: new Decoder(stages),
        dialects: loaded.flatMap((one) => one.dialects),
        components: parts.map(({ component }) => component),
        dispose,
      };
    } catch (error) {
      dispose();
      throw error;
    }
  }

  async #unets(source: UnetSource): Promise<Loaded<readonly UnetSampler[]>> {
    return this.#open("decoder", source, (weights, checkpoint, given) => {
      const dialect = this.#dialect(checkpoint, source, given, "decoder");
      const inferred = inferDecoder(checkpoint.tensors, dialect.network, given.value);
      const { config, missing } = completeDecoderConfig(given.value, inferred);
      requireOptions(missing, given, this.config);
      const parsed = parseConfig(trainDecoderConfig, config, given.name);
      for (const ignored of describeIgnored(parsed)) this.#warn(`${given.name}: ${ignored}`);
      const { decoder } = parsed;
      const sampleTimesteps = sourceTimesteps(source, decoder.unets.length) ?? decoder.sample_timesteps;
      const options = resolveDecoderConfig({ ...decoder, sample_timesteps: sampleTimesteps });
      const unets = new Map(source.unet_numbers.map((number) => [number, new WeightStore(this.arena, checkpoint)]));
      const model = Decoder.declare(
        weights,
        options,
        dialect,
        source.unet_numbers,
        (number) => unets.get(number)!.root,
      );
      const misfit = decoderMisfit(checkpoint.name, options, inferred);
      const components = [...unets].map(([number, store]) => ({ name: `U-Net ${number}`, weights: store }));
      return { model, dialect, misfit, components };
    });
  }

  /** CLIP. Its two encoders are loaded apart. */
  async clip(source: ClipSource): Promise<Loaded<ClipModel>> {
    const file = await openClipFile(source, this.config, this.options);
    try {
      // Adapters changed their text mask from version to version; for texts with an end token all of them agree.
      const described = await withPublishedConfig(source, file, this.config, this.options);
      const { clip, text, image, weights, warnings } = createClip(described, file, this.arena, currentDialect.network);
      for (const warning of warnings) this.#warn(warning);
      this.#check(weights);
      const components = [
        { name: TEXT_ENCODER, weights: text },
        { name: IMAGE_ENCODER, weights: image },
      ];
      const dispose = (): void => {
        weights.dispose();
        closeQuietly(file);
      };
      return { model: clip, dialects: [], components, dispose };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Builds a model of a prior or decoder file and its train config; `declare` is given the place for what is not a component's. */
  async #open<Model>(
    kind: "prior" | "decoder",
    source: PriorSource | UnetSource,
    declare: (weights: Weights, checkpoint: Checkpoint, given: TrainConfig) => Declared<Model>,
  ): Promise<Loaded<Model>> {
    const { signal } = this.options;
    const checkpoint = await openSourceCheckpoint(this.config, source, kind, this.options);
    try {
      const given = await trainConfigOf(checkpoint, source.load_config_from, this.config, this.options);
      const shared = new WeightStore(this.arena, checkpoint);
      const { model, dialect, misfit, components } = declare(shared.root, checkpoint, given);
      const weights = new WeightSet([shared, ...components.map((one) => one.weights)]);
      this.#check(weights, misfit);
      // Noise schedules, on the host: how many steps there are is asked before anything is sampled.
      if (!this.extent.headersOnly) await shared.fill({ signal });
      const dispose = (): void => {
        weights.dispose();
        closeQuietly(checkpoint);
      };
      return { model, dialects: [dialect], components, dispose };
    } catch (error) {
      await checkpoint.close();
      throw error;
    }
  }

  /** Reports everything that does not fit, before weights are read: tensors, and the config's part in it. */
  #check(weights: WeightSet, misfit?: ConfigError): void {
    const { strict_loading: strict } = this.config.data;
    const problems = weights.problems();
    if (strict && problems) throw new WeightError(weights.stores[0].source.name, problems, misfit?.message);
    if (strict && misfit) throw misfit;
    if (misfit && !problems) this.#warn(misfit.message);
    weights.check({
      strict,
      onWarning: (message) => {
        this.#warn(message);
      },
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
    const { onWarning = warnOnConsole } = this.options;
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

/** A file that was only read has nothing to lose. */
function closeQuietly(file: { close(): Promise<void> }): void {
  file.close().catch(() => undefined);
}

/** Steps by U-Net, null where the source names none; undefined where it leaves them all to the checkpoint. */
function sourceTimesteps({ unet_numbers: numbers, default_sample_timesteps: given }: UnetSource, count: number) {
  if (!given) return undefined;
  return Array.from({ length: count }, (_, i) => given[numbers.indexOf(i + 1)] ?? null);
}
