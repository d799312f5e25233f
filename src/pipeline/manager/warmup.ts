import { joinSettings, withDefaults, type AskedSettings, type CascadeSettings } from "../../diffusion/settings.js";
import { stageSettings } from "../../models/per-stage.js";
import type { GpuDevice } from "../../gpu/device.js";
import { Arena } from "../../tensor/arena.js";
import type { ComputeType } from "../../tensor/dtype.js";
import { unprefixed, type Prefixed } from "../settings.js";
import type { CanvasOptions } from "../canvas-options.js";
import { dryRunDecoder, dryRunPrior, dryRunTextEncoder } from "./dry-run.js";
import type { Models } from "./computed-models.js";
import type { DefaultSettings } from "./default-settings.js";

/** How many kernels are compiled. */
export interface WarmupProgress {
  /** Kernels that are compiled. */
  readonly compiledKernels: number;
  /** All kernels that the models need. */
  readonly totalKernels: number;
}

/** Options of `warmup`: settings of later calls, as far as kernels depend on them. Default: those of the load config. */
export type WarmupOptions = Prefixed<"prior", AskedSettings> &
  Prefixed<"decoder", CascadeSettings> &
  Pick<CanvasOptions, "size"> & {
    /** Called at the start, and after each kernel. */
    readonly onProgress?: ((progress: WarmupProgress) => void) | undefined;
    /** Ends the call; it rejects with the signal's reason. Kernels that are compiled stay so. */
    readonly signal?: AbortSignal | undefined;
  };

/** The models whose kernels are compiled. */
interface ToCompile {
  readonly gpu: GpuDevice;
  readonly models: Models;
  readonly dtype: ComputeType;
  readonly defaults: DefaultSettings;
}

/**
 * Compiles the kernels of all models in parallel. Rejects with the first `ShaderError`.
 *
 * @internal
 */
export async function compileKernels(
  { gpu, models, dtype, defaults }: ToCompile,
  options: WarmupOptions,
): Promise<void> {
  const { clip, prior, decoder } = models;
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const report = (compiledKernels: number, totalKernels: number) => onProgress?.({ compiledKernels, totalKernels });
  using stream = gpu.stream({ executor: "compile", compiling: { signal, onProgress: report } });
  const arena = new Arena(stream, dtype);
  for (const encoder of [clip?.model.text, decoder?.model.textEncoder?.encoder]) {
    if (encoder) await dryRunTextEncoder(arena, encoder, 1);
  }
  if (prior) await dryRunPrior(arena, prior.model, 1, withDefaults(unprefixed("prior", options), defaults.prior));
  if (decoder) {
    const each = stageSettings(decoder.model.stages, unprefixed("decoder", options), defaults.decoder);
    await dryRunDecoder(arena, decoder.model, 1, { ...joinSettings(each), size: options.size });
  }
  await stream.sync();
}
