import type { ModelLoadConfig } from "../config/load-config.js";
import type { Decoder } from "../diffusion/decoder.js";
import type { DiffusionPrior } from "../diffusion/prior.js";
import { GpuUnavailableError } from "../gpu/errors.js";
import type { Gpu } from "../gpu/gpu.js";
import { openGpu } from "../gpu/open.js";
import type { ClipModel } from "../models/clip/clip-model.js";
import { Arena } from "../tensor/arena.js";
import type { ComputeType } from "../tensor/dtype.js";
import { ModelLoader, type Loaded } from "./load-models.js";
import type { LoadingOptions } from "./loading-options.js";

export interface ManagerOptions extends LoadingOptions {
  /** Device to use; the caller keeps it. Default: the manager opens one, and closes it when disposed. */
  readonly gpu?: Gpu | undefined;
  /** What weights and activations are stored in. `auto`, the default, is f16 on real GPUs that have it, else f32. */
  readonly dtype?: "auto" | ComputeType | undefined;
}

/** How the models will be called, as far as kernels depend on it; default: as the load config says. */
export interface WarmupOptions {
  readonly priorCondScale?: number | undefined;
  readonly decoderCondScale?: number | readonly number[] | undefined;
}

/** The models of a load config, on the GPU (dalle2-laion's `DalleModelManager`). Disposable. */
export class DalleModelManager {
  private constructor(
    readonly config: ModelLoadConfig,
    readonly arena: Arena,
    readonly prior: Loaded<DiffusionPrior> | undefined,
    readonly decoder: Loaded<Decoder> | undefined,
    readonly clip: Loaded<ClipModel> | undefined,
    private readonly ownsGpu: boolean,
  ) {}

  /**
   * Loads every model that `config` names. Rejects with the error of the first that fails (`FileError`, `FormatError`,
   * `ConfigError`, `WeightError`, `GpuUnavailableError`) and leaves nothing behind.
   */
  static async create(config: ModelLoadConfig, options: ManagerOptions = {}): Promise<DalleModelManager> {
    const gpu = options.gpu ?? (await openGpu());
    const loaded: Loaded<unknown>[] = [];
    const keep = <Model>(one: Loaded<Model>): Loaded<Model> => {
      loaded.push(one);
      return one;
    };
    try {
      const arena = new Arena(gpu, computeType(gpu, options.dtype ?? "auto"));
      const loader = new ModelLoader(arena, config, options);
      const { prior, decoder, clip } = config.data;
      return new DalleModelManager(
        config,
        arena,
        prior ? keep(await loader.prior(prior)) : undefined,
        decoder ? keep(await loader.decoder(decoder)) : undefined,
        clip ? keep(await loader.clip(clip)) : undefined,
        options.gpu === undefined,
      );
    } catch (error) {
      for (const one of loaded) one.dispose();
      if (options.gpu === undefined) gpu.dispose();
      throw error;
    }
  }

  get gpu(): Gpu {
    return this.arena.gpu;
  }

  /** Guidance of the prior where a call names none. */
  get defaultPriorCondScale(): number {
    return this.config.data.prior?.default_cond_scale ?? 1;
  }

  /** Guidance of each U-Net where a call names none. */
  get defaultDecoderCondScale(): readonly number[] {
    const sources = this.config.data.decoder?.unet_sources ?? [];
    const scales = sources.flatMap(({ unet_numbers: numbers, default_cond_scale: given }) =>
      numbers.map((number, i) => [number, given?.[i] ?? 1] as const),
    );
    return scales.sort(([a], [b]) => a - b).map(([, scale]) => scale);
  }

  /** Compiles the kernels of one step of each model, in parallel, so that the first picture need not wait for them. */
  async warmup(options: WarmupOptions = {}): Promise<void> {
    await this.gpu.warmup(() => {
      this.arena.scope(() => {
        this.#rehearsePrior(options.priorCondScale ?? this.defaultPriorCondScale);
        this.#rehearseDecoder(options.decoderCondScale ?? this.defaultDecoderCondScale);
      });
    });
  }

  #rehearsePrior(condScale: number): void {
    const prior = this.prior?.model;
    if (!prior) return;
    const { imageEmbedDim, net } = prior.options;
    const textEmbed = this.arena.empty([1, imageEmbedDim], "f32");
    const textEncodings = this.arena.empty([1, net.maxTextLen, net.dim], "f32");
    prior.rehearse({ textEmbed, textEncodings, condScale });
  }

  #rehearseDecoder(condScale: number | readonly number[]): void {
    const decoder = this.decoder?.model;
    if (!decoder) return;
    const units = decoder.stages.map(({ stage }) => stage.unet);
    const imageDim = units.find((unet) => unet.condOnImageEmbeds)?.imageEmbedDim ?? undefined;
    const text = units.find((unet) => unet.condOnTextEncodings);
    const textDim = text?.textEmbedDim ?? undefined;
    decoder.rehearse({
      imageEmbed: imageDim === undefined ? undefined : this.arena.empty([1, imageDim], "f32"),
      textEncodings: textDim === undefined ? undefined : this.arena.empty([1, text!.maxTextLen, textDim], "f32"),
      condScale,
    });
  }

  /** Frees the models, and the device if the manager opened it. */
  dispose(): void {
    for (const one of [this.prior, this.decoder, this.clip]) one?.dispose();
    if (this.ownsGpu) this.gpu.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function computeType({ features, adapter }: Gpu, dtype: "auto" | ComputeType): ComputeType {
  // Software adapters emulate half precision, and are slower for it.
  if (dtype === "auto") return features.f16 && !adapter.isSoftware ? "f16" : "f32";
  if (dtype === "f16" && !features.f16) {
    throw new GpuUnavailableError(`${adapter.description || "This adapter"} has no shader-f16; use dtype "f32".`);
  }
  return dtype;
}
