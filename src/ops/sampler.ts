import type { Tensor } from "../tensor/tensor.js";
import { checkF32, floatType } from "./check.js";
import { invocations } from "./grid.js";
import { ShapeError } from "./shape-error.js";

// The state of a sampler is f32 whatever the network computes in, and may have any shape with the batch first: image
// embeddings [B, D] or images [B, H, W, C]. Numbers that depend on the time step are parameters, never constants.

/**
 * Classifier-free guidance (Ho & Salimans 2022): null + (conditional - null) · condScale in f32, `[2B, ...]` to
 * `[B, ...]`. The first half of the batch holds the conditional predictions, the second the null predictions.
 */
export function guide(predictions: Tensor, condScale: number): Tensor {
  const [batch = 0, ...rest] = predictions.shape;
  if (batch % 2 !== 0 || rest.length === 0)
    throw new ShapeError("guide", "predictions", predictions.shape, "[2B, ...]");
  const { arena } = predictions;
  const y = arena.empty([batch / 2, ...rest], "f32");
  arena.stream.dispatch("guide", {
    types: { Element: floatType("guide", "predictions", predictions) },
    bindings: { x: predictions.storage, y: y.storage },
    params: { invocations: y.vectors, scale: condScale },
    grid: invocations(y.vectors),
  });
  return y;
}

export interface PredictX0 {
  /** Factor of x: √(1/ᾱ) for a predicted noise, √ᾱ for a predicted v, 0 for a predicted x0. */
  readonly scaleX: number;
  /** Factor of the prediction: -√(1/ᾱ - 1) for a noise, -√(1 - ᾱ) for a v, 1 for an x0. */
  readonly scalePrediction: number;
  /** Clamps the result to ± this. */
  readonly limit?: number | undefined;
}

/**
 * Estimate of the clean sample, x · scaleX + prediction · scalePrediction. `x` is f32 `[..., C]`; `prediction` has the
 * same axes and C channels or more (a learned variance behind them is ignored).
 */
export function predictX0(x: Tensor, prediction: Tensor, { scaleX, scalePrediction, limit }: PredictX0): Tensor {
  checkF32("predictX0", "x", x, x.shape);
  checkPrediction("predictX0", "prediction", prediction, x, x.channels);
  const { arena, channels } = x;
  const x0 = arena.empty(x.shape, "f32");
  arena.stream.dispatch("predictX0", {
    types: { Prediction: floatType("predictX0", "prediction", prediction) },
    bindings: { x: x.storage, prediction: prediction.storage, x0: x0.storage },
    params: {
      invocations: x.vectors,
      channels,
      channels4: x.stride / 4,
      prediction_channels4: prediction.stride / 4,
      scale_x: scaleX,
      scale_prediction: scalePrediction,
      limit: limit ?? 0,
      has_limit: Number(limit !== undefined),
    },
    grid: invocations(x.vectors),
  });
  return x0;
}

/**
 * Dynamic thresholding (Saharia et al. 2022): clamp(x0, -s, s) / s, where s is the sample's `threshold` (f32 `[B, 1]`,
 * a `quantile`) but at least 1.
 */
export function dynamicThreshold(x0: Tensor, threshold: Tensor): Tensor {
  checkF32("dynamicThreshold", "x0", x0, x0.shape);
  const batch = x0.shape[0]!;
  checkF32("dynamicThreshold", "threshold", threshold, [batch, 1]);
  const { arena } = x0;
  const y = arena.empty(x0.shape, "f32");
  arena.stream.dispatch("dynamicThreshold", {
    bindings: { x: x0.storage, threshold: threshold.storage, y: y.storage },
    params: { invocations: x0.vectors, sample_vectors: x0.vectors / batch },
    grid: invocations(x0.vectors),
  });
  return y;
}

export interface DdimStep {
  /** √(1/ᾱ) and √(1/ᾱ - 1) at the time of x: how epsilon follows from x and x0. */
  readonly recip: number;
  readonly recipm1: number;
  /** Factors of x0, of epsilon and of the noise: √ᾱ', √(1 - ᾱ' - σ²) and σ. */
  readonly scaleX0: number;
  readonly scaleEpsilon: number;
  readonly scaleNoise: number;
  /**
   * The network's prediction to be used as epsilon; its first channels count. Without it, epsilon is derived again from
   * `x` and (clamped) `x0`, as DALLE2-pytorch does from 1.12.3 on.
   */
  readonly epsilon?: Tensor | undefined;
}

/**
 * One step of DDIM (Song et al. 2021, equation 12): x0 · scaleX0 + epsilon · scaleEpsilon + noise · scaleNoise, all f32
 * of the shape of `x`. Without `noise` the last term is left out.
 */
export function ddimStep(x: Tensor, x0: Tensor, noise: Tensor | undefined, step: DdimStep): Tensor {
  checkState("ddimStep", x, x0, noise);
  const { arena, channels } = x;
  const { epsilon } = step;
  if (epsilon) checkPrediction("ddimStep", "epsilon", epsilon, x, channels);
  const y = arena.empty(x.shape, "f32");
  arena.stream.dispatch("ddimStep", {
    types: { Prediction: epsilon ? floatType("ddimStep", "epsilon", epsilon) : "f32" },
    overrides: { HAS_EPSILON: epsilon !== undefined, HAS_NOISE: noise !== undefined },
    bindings: {
      x: x.storage,
      x0: x0.storage,
      epsilon: epsilon?.storage,
      noise: noise?.storage,
      y: y.storage,
    },
    params: {
      invocations: x.vectors,
      channels,
      channels4: x.stride / 4,
      epsilon_channels4: (epsilon?.stride ?? 0) / 4,
      recip: step.recip,
      recipm1: step.recipm1,
      scale_x0: step.scaleX0,
      scale_epsilon: step.scaleEpsilon,
      scale_noise: step.scaleNoise,
    },
    grid: invocations(x.vectors),
  });
  return y;
}

export interface LearnedVariance {
  /** The network's output, `[..., 2C]`: the second half of its channels is the variance. */
  readonly prediction: Tensor;
  /** Bounds between which it interpolates: the clipped posterior log variance and log β. */
  readonly minLog: number;
  readonly maxLog: number;
  /** Take the sigmoid of the fraction (`learned_variance_constrain_frac`). */
  readonly sigmoid?: boolean | undefined;
}

export interface DdpmStep {
  /** Factors of x0 and x in the mean of the posterior. */
  readonly scaleX0: number;
  readonly scaleX: number;
  /** Log variance of the noise: fixed, or predicted (Nichol & Dhariwal 2021, equation 15). */
  readonly logVariance: number | LearnedVariance;
}

/**
 * One ancestral step of DDPM (Ho et al. 2020): x0 · scaleX0 + x · scaleX + exp(logVariance / 2) · noise, all f32 of the
 * shape of `x`. Without `noise` (the last step) it is the mean.
 */
export function ddpmStep(x: Tensor, x0: Tensor, noise: Tensor | undefined, step: DdpmStep): Tensor {
  checkState("ddpmStep", x, x0, noise);
  const { arena, channels } = x;
  const learned = typeof step.logVariance === "number" ? undefined : step.logVariance;
  if (learned) checkPrediction("ddpmStep", "prediction", learned.prediction, x, 2 * channels);
  const [minLog, maxLog] =
    typeof step.logVariance === "number"
      ? [step.logVariance, step.logVariance]
      : [step.logVariance.minLog, step.logVariance.maxLog];
  const y = arena.empty(x.shape, "f32");
  arena.stream.dispatch("ddpmStep", {
    types: { Prediction: learned ? floatType("ddpmStep", "prediction", learned.prediction) : "f32" },
    overrides: { HAS_NOISE: noise !== undefined, LEARNED: learned !== undefined, SIGMOID: learned?.sigmoid ?? false },
    bindings: {
      x: x.storage,
      x0: x0.storage,
      prediction: learned?.prediction.storage,
      noise: noise?.storage,
      y: y.storage,
    },
    params: {
      invocations: x.vectors,
      channels,
      channels4: x.stride / 4,
      prediction_channels4: (learned?.prediction.stride ?? 0) / 4,
      scale_x0: step.scaleX0,
      scale_x: step.scaleX,
      min_log: minLog,
      max_log: maxLog,
    },
    grid: invocations(x.vectors),
  });
  return y;
}

/** Inpainting: `known` where `mask` (f32 `[B, H, W, 1]`) is not zero, else `x`; both f32 `[B, H, W, C]`. */
export function maskedBlend(x: Tensor, known: Tensor, mask: Tensor): Tensor {
  checkF32("maskedBlend", "x", x, x.shape);
  checkF32("maskedBlend", "known", known, x.shape);
  checkF32("maskedBlend", "mask", mask, [...x.shape.slice(0, -1), 1]);
  const { arena } = x;
  const y = arena.empty(x.shape, "f32");
  arena.stream.dispatch("maskedBlend", {
    bindings: { x: x.storage, known: known.storage, mask: mask.storage, y: y.storage },
    params: { invocations: x.vectors, channels4: x.stride / 4 },
    grid: invocations(x.vectors),
  });
  return y;
}

function checkState(op: string, x: Tensor, x0: Tensor, noise: Tensor | undefined): void {
  checkF32(op, "x", x, x.shape);
  checkF32(op, "x0", x0, x.shape);
  checkF32(op, "noise", noise, x.shape);
}

function checkPrediction(op: string, argument: string, prediction: Tensor, x: Tensor, channels: number): void {
  const outer = x.shape.slice(0, -1);
  const fits = prediction.shape.length === x.shape.length && outer.every((size, i) => prediction.shape[i] === size);
  if (!fits || prediction.channels < channels) {
    throw new ShapeError(op, argument, prediction.shape, [...outer, `${channels} or more`]);
  }
}
