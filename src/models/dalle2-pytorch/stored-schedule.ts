import type { DecoderOptions } from "./options.js";
import type { NetworkDialect } from "./dialect/flags.js";
import type { Weights } from "../../weights/store.js";
import { ConfigError } from "../../config/config-error.js";
import { NotFiniteError, SamplingError } from "../../diffusion/sampling-error.js";
import { NoiseSchedule, type BetaScheduleName, type ScheduleTables } from "../../diffusion/schedule.js";

const TABLES = [
  "betas",
  "alphasCumprod",
  "alphasCumprodPrev",
  "sqrtAlphasCumprod",
  "sqrtOneMinusAlphasCumprod",
  "logOneMinusAlphasCumprod",
  "sqrtRecipAlphasCumprod",
  "sqrtRecipm1AlphasCumprod",
  "posteriorVariance",
  "posteriorLogVarianceClipped",
  "posteriorMeanCoef1",
  "posteriorMeanCoef2",
] as const satisfies readonly (keyof ScheduleTables)[];

/** The path of a model's schedule in its state dict: `path` since 0.11.0, the root before. */
export function scheduleWeights(weights: Weights, path: string, dialect: Pick<NetworkDialect, "noisePrefix">): Weights {
  return dialect.noisePrefix === "root" ? weights : weights.at(path);
}

/**
 * The schedule that a model was trained with. Call it once its weights are loaded. The tables in the checkpoint are used as
 * they are, because defaults changed between versions. Without tables, `name` names the schedule.
 */
export function storedSchedule(weights: Weights, name: BetaScheduleName, timesteps: number): () => NoiseSchedule {
  if (!TABLES.some((table) => weights.has(bufferName(table)))) return () => namedSchedule(name, timesteps);
  const values = TABLES.map((table) => [table, weights.values(bufferName(table), [timesteps]).data] as const);
  // Weights of the training loss, in versions since 0.7.1.
  weights.ignore("p2_loss_weight");
  const { name: file } = weights.store.source;
  return () => {
    for (const [table, data] of values) checkNumbers(data, `${bufferName(table)} of the noise schedule in ${file}`);
    return new NoiseSchedule(Object.fromEntries(values) as Record<keyof ScheduleTables, Float32Array>);
  };
}

/** The schedule that a config names. Throws `ConfigError` if it has too few timesteps for its betas to stay below 1. */
function namedSchedule(name: BetaScheduleName, timesteps: number): NoiseSchedule {
  try {
    return NoiseSchedule.named(name, timesteps);
  } catch (error) {
    if (!(error instanceof SamplingError)) throw error;
    throw new ConfigError(`beta_schedule: ${error.message}`, { cause: error });
  }
}

/** Declares a U-Net's schedule by its index. Returns a function for the time after loading. */
export type DecoderSchedules = (index: number) => () => NoiseSchedule;

/** The schedules of a decoder's U-Nets: one each, or before 0.11.0 one for all. */
export function decoderSchedules(
  weights: Weights,
  { stages, timesteps }: DecoderOptions,
  dialect: Pick<NetworkDialect, "noisePrefix">,
): DecoderSchedules {
  const declare = (index: number) =>
    storedSchedule(
      scheduleWeights(weights, `noise_schedulers.${index}`, dialect),
      stages[index]!.betaSchedule,
      timesteps,
    );
  if (dialect.noisePrefix !== "root") return declare;
  const shared = declare(0);
  return () => shared;
}

/** Throws `NotFiniteError` for NaN. Infinity is allowed: it is where a schedule ends in pure noise. */
function checkNumbers(values: Float32Array, what: string): void {
  const index = values.findIndex(Number.isNaN);
  if (index < 0) return;
  throw new NotFiniteError(`${what} holds NaN at timestep ${index}: the file is damaged.`, {
    advice: "Download or copy it again.",
  });
}

/** `alphasCumprodPrev` is stored as `alphas_cumprod_prev`. */
function bufferName(table: string): string {
  return table.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
