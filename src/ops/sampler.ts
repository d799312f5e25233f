import type { Tensor } from "../tensor/tensor.js";
import { checkF32, floatType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { invocations } from "./grid.js";
import { operand, perLine, perSample, type Operand } from "./parts.js";
import { ShapeError } from "./shape-error.js";
import { numberOperands, type StepInputs, type StepNumbers } from "./step-inputs.js";

// The state of a sampler is always f32. It may have any shape with the batch first: image embeddings [B, D] or images
// [B, H, W, C]. Kernels read what depends on the timestep from tables (`StepInputs`), so every pass of a run dispatches
// the same commands.

/**
 * Classifier-free guidance (Ho & Salimans 2022): null + (conditional - null) · scale in f32, `[2B, ..., C]` to `[B,
 * ..., C]`. The first half of the batch has the conditional predictions, the second half the null predictions. Only the
 * first `guidedChannels` (default: all) are guided; the others are copied from the conditional prediction.
 */
export function guide(predictions: Tensor, scale: number, guidedChannels = predictions.channels): Tensor {
  const [batch = 0, ...rest] = predictions.shape;
  if (batch % 2 !== 0 || rest.length === 0)
    throw new ShapeError("guide", "predictions", predictions.shape, "[2B, ...]");
  const { arena } = predictions;
  const y = arena.empty([batch / 2, ...rest], "f32");
  const channels4 = y.stride / 4;
  dispatch(arena.stream, "guide", {
    op: "guide",
    types: { Element: floatType("guide", "predictions", predictions) },
    space: { samples: 1, lines: y.rows },
    operands: { x: bothHalves(predictions), y: perLine(y) },
    call: ({ lines }) => ({
      params: { invocations: lines * channels4, channels4, guided: guidedChannels, scale },
      grid: invocations(lines * channels4),
    }),
  });
  return y;
}

/** The same rows of both halves of a batch. */
function bothHalves(x: Tensor): Operand {
  const half = (x.rows / 2) * x.stride;
  return operand(x, ({ line, lines }) => {
    const [start, end] = [line * x.stride, (line + lines) * x.stride];
    const isWhole = end - start === half;
    return isWhole
      ? [{ start: 0, end: 2 * half }]
      : [
          { start, end },
          { start: half + start, end: half + end },
        ];
  });
}

/**
 * Numbers of `predictX0`. The factor of x is √(1/ᾱ) if the network predicts noise, √ᾱ for v, and 0 for x0. The factor
 * of the prediction is -√(1/ᾱ - 1) for noise, -√(1 - ᾱ) for v, and 1 for x0.
 */
export interface X0Numbers {
  readonly x: number;
  readonly prediction: number;
  /**
   * Factor of the sum. Default 1. With √(1/ᾱ) here, the other factors of a network that predicts noise are 1 and -√(1 - ᾱ).
   * Where ᾱ is tiny, the sum then keeps digits that it would lose if both terms were scaled up first.
   */
  readonly scale?: number | undefined;
}

export function x0Numbers(steps: StepInputs, passes: readonly X0Numbers[]): StepNumbers {
  return steps.numbers(passes.map(({ x, prediction, scale = 1 }) => [x, prediction, scale]));
}

/**
 * Predicted x0: (x · numbers.x + prediction · numbers.prediction) · numbers.scale, clamped to ± `limit` if given. `x` is
 * f32 `[..., C]`.
 * `prediction` has the same axes and at least C channels; further channels (a learned variance) are ignored.
 */
export function predictX0(
  x: Tensor,
  prediction: Tensor,
  numbers: StepNumbers,
  { limit }: { readonly limit?: number | undefined } = {},
): Tensor {
  checkF32("predictX0", "x", x, x.shape);
  checkPrediction("predictX0", "prediction", prediction, x, x.channels);
  const { arena, channels } = x;
  const x0 = arena.empty(x.shape, "f32");
  const channels4 = x.stride / 4;
  dispatch(arena.stream, "predictX0", {
    op: "predictX0",
    types: { Prediction: floatType("predictX0", "prediction", prediction) },
    space: { samples: 1, lines: x.rows },
    operands: {
      x: perLine(x),
      prediction: perLine(prediction),
      ...numberOperands("predictX0", numbers, 3),
      x0: perLine(x0),
    },
    call: ({ lines }) => ({
      params: {
        invocations: lines * channels4,
        channels,
        channels4,
        prediction_channels4: prediction.stride / 4,
        limit: limit ?? 0,
        has_limit: Number(limit !== undefined),
      },
      grid: invocations(lines * channels4),
    }),
  });
  return x0;
}

/** The largest number that f32 has. */
const LARGEST = (2 - 2 ** -23) * 2 ** 127;

/**
 * Dynamic thresholding (Saharia et al. 2022): clamp(x0, -s, s) / s, where s is the `threshold` of the sample (f32 `[B,
 * 1]`, a `quantile`), but at least 1 and at most `max`. Default: no upper limit.
 */
export function dynamicThreshold(
  x0: Tensor,
  threshold: Tensor,
  { max = LARGEST }: { readonly max?: number } = {},
): Tensor {
  checkF32("dynamicThreshold", "x0", x0, x0.shape);
  const batch = x0.shape[0]!;
  checkF32("dynamicThreshold", "threshold", threshold, [batch, 1]);
  const { arena } = x0;
  const y = arena.empty(x0.shape, "f32");
  const { stride } = x0;
  dispatch(arena.stream, "dynamicThreshold", {
    op: "dynamicThreshold",
    space: { samples: batch, lines: x0.rows / batch },
    operands: { x: perLine(x0), threshold: perSample(threshold, threshold.stride), y: perLine(y) },
    call: ({ lines, count }) => ({
      params: { invocations: (count * stride) / 4, sample_vectors: (lines * stride) / 4, most: max },
      grid: invocations((count * stride) / 4),
    }),
  });
  return y;
}

/** Numbers of `ddimStep`. */
export interface DdimNumbers {
  /** Factors of x0, of epsilon and of the noise: √ᾱ', √(1 - ᾱ' - σ²) and σ. */
  readonly scaleX0: number;
  readonly scaleEpsilon: number;
  readonly scaleNoise: number;
  /** √(1/ᾱ) and √(1/ᾱ - 1) at the timestep of x: they give epsilon from x and x0. */
  readonly recip: number;
  readonly recipm1: number;
}

export function ddimNumbers(steps: StepInputs, passes: readonly DdimNumbers[]): StepNumbers {
  return steps.numbers(
    passes.map(({ scaleX0, scaleEpsilon, scaleNoise, recip, recipm1 }) => [
      scaleX0,
      scaleEpsilon,
      scaleNoise,
      recip,
      recipm1,
    ]),
  );
}

/** Inputs of a step, all f32 with the shape of `x`. */
export interface StepState {
  readonly x: Tensor;
  /** The predicted x0. */
  readonly x0: Tensor;
  /** If absent, its term is omitted. */
  readonly noise?: Tensor | undefined;
}

/**
 * One step of DDIM (Song et al. 2021, equation 12): x0 · scaleX0 + epsilon · scaleEpsilon + noise · scaleNoise.
 * `epsilon` is the network's prediction; only its first C channels are read. Without it, epsilon is computed from `x`
 * and the clamped `x0`, as DALLE2-pytorch does from 1.12.3 on.
 */
export function ddimStep(state: StepState, numbers: StepNumbers, epsilon?: Tensor): Tensor {
  checkState("ddimStep", state);
  const { x, x0, noise } = state;
  const { arena, channels } = x;
  if (epsilon) checkPrediction("ddimStep", "epsilon", epsilon, x, channels);
  const y = arena.empty(x.shape, "f32");
  const channels4 = x.stride / 4;
  dispatch(arena.stream, "ddimStep", {
    op: "ddimStep",
    types: { Prediction: epsilon ? floatType("ddimStep", "epsilon", epsilon) : "f32" },
    overrides: { HAS_EPSILON: epsilon !== undefined, HAS_NOISE: noise !== undefined },
    space: { samples: 1, lines: x.rows },
    operands: {
      x: perLine(x),
      x0: perLine(x0),
      epsilon: perLine(epsilon),
      noise: perLine(noise),
      ...numberOperands("ddimStep", numbers, 5),
      y: perLine(y),
    },
    call: ({ lines }) => ({
      params: {
        invocations: lines * channels4,
        channels,
        channels4,
        epsilon_channels4: (epsilon?.stride ?? 0) / 4,
      },
      grid: invocations(lines * channels4),
    }),
  });
  return y;
}

/** Numbers of `ddpmStep`. */
export interface DdpmNumbers {
  /** Factors of x0 and x in the mean of the posterior. */
  readonly scaleX0: number;
  readonly scaleX: number;
  /** Log variance of the noise. If the variance is learned, it is between `minLog` and `maxLog`. */
  readonly minLog: number;
  readonly maxLog: number;
}

export function ddpmNumbers(steps: StepInputs, passes: readonly DdpmNumbers[]): StepNumbers {
  return steps.numbers(passes.map(({ scaleX0, scaleX, minLog, maxLog }) => [scaleX0, scaleX, minLog, maxLog]));
}

/** A variance predicted by the network (Nichol & Dhariwal 2021, equation 15). */
export interface LearnedVariance {
  /** Output of the network, `[..., 2C]`: the second half of the channels is the variance. */
  readonly prediction: Tensor;
  /** Apply a sigmoid to the fraction (`learned_variance_constrain_frac`). */
  readonly sigmoid: boolean;
}

/**
 * One ancestral step of DDPM (Ho et al. 2020): x0 · scaleX0 + x · scaleX + exp(logVariance / 2) · noise. Without noise
 * (the last step) the result is the mean.
 */
export function ddpmStep(state: StepState, numbers: StepNumbers, learned?: LearnedVariance): Tensor {
  checkState("ddpmStep", state);
  const { x, x0, noise } = state;
  const { arena, channels } = x;
  if (learned) checkPrediction("ddpmStep", "prediction", learned.prediction, x, 2 * channels);
  const y = arena.empty(x.shape, "f32");
  const channels4 = x.stride / 4;
  dispatch(arena.stream, "ddpmStep", {
    op: "ddpmStep",
    types: { Prediction: learned ? floatType("ddpmStep", "prediction", learned.prediction) : "f32" },
    overrides: { HAS_NOISE: noise !== undefined, LEARNED: learned !== undefined, SIGMOID: learned?.sigmoid ?? false },
    space: { samples: 1, lines: x.rows },
    operands: {
      x: perLine(x),
      x0: perLine(x0),
      prediction: perLine(learned?.prediction),
      noise: perLine(noise),
      ...numberOperands("ddpmStep", numbers, 4),
      y: perLine(y),
    },
    call: ({ lines }) => ({
      params: {
        invocations: lines * channels4,
        channels,
        channels4,
        prediction_channels4: (learned?.prediction.stride ?? 0) / 4,
      },
      grid: invocations(lines * channels4),
    }),
  });
  return y;
}

/** Numbers of `dpmppStep`: factors of the state, of the predicted x0, and of the predicted x0 of the previous step. */
export interface DpmppNumbers {
  readonly scaleX: number;
  readonly scaleX0: number;
  readonly scaleLast: number;
}

export function dpmppNumbers(steps: StepInputs, passes: readonly DpmppNumbers[]): StepNumbers {
  return steps.numbers(passes.map(({ scaleX, scaleX0, scaleLast }) => [scaleX, scaleX0, scaleLast]));
}

/**
 * One step of DPM-Solver++ 2M (Lu et al. 2022, algorithm 2): x · scaleX + x0 · scaleX0 + last · scaleLast, all f32 with
 * the shape of `x`. `last` is the predicted x0 of the previous step.
 */
export function dpmppStep(x: Tensor, x0: Tensor, last: Tensor, numbers: StepNumbers): Tensor {
  checkState("dpmppStep", { x, x0 });
  checkF32("dpmppStep", "last", last, x.shape);
  const { arena } = x;
  const y = arena.empty(x.shape, "f32");
  dispatch(arena.stream, "dpmppStep", {
    op: "dpmppStep",
    space: { samples: 1, lines: x.vectors },
    operands: {
      x: perLine(x, 4),
      x0: perLine(x0, 4),
      last: perLine(last, 4),
      ...numberOperands("dpmppStep", numbers, 3),
      y: perLine(y, 4),
    },
    call: ({ lines }) => ({ params: { invocations: lines }, grid: invocations(lines) }),
  });
  return y;
}

/** a · first + b · second, with the two numbers of the pass. `a` and `b` are f32 with the same shape. */
export function stepCombine(a: Tensor, b: Tensor, numbers: StepNumbers): Tensor {
  checkF32("stepCombine", "a", a, a.shape);
  checkF32("stepCombine", "b", b, a.shape);
  const { arena } = a;
  const y = arena.empty(a.shape, "f32");
  dispatch(arena.stream, "stepCombine", {
    op: "stepCombine",
    space: { samples: 1, lines: a.vectors },
    operands: { a: perLine(a, 4), b: perLine(b, 4), ...numberOperands("stepCombine", numbers, 2), y: perLine(y, 4) },
    call: ({ lines }) => ({ params: { invocations: lines }, grid: invocations(lines) }),
  });
  return y;
}

/**
 * For inpainting: `known` where `mask` is not zero, elsewhere `x`. Both are f32 `[B, H, W, C]`; `mask` is f32 `[B, H,
 * W, 1]`.
 */
export function maskedBlend(x: Tensor, known: Tensor, mask: Tensor): Tensor {
  checkF32("maskedBlend", "x", x, x.shape);
  checkF32("maskedBlend", "known", known, x.shape);
  checkF32("maskedBlend", "mask", mask, [...x.shape.slice(0, -1), 1]);
  const { arena } = x;
  const y = arena.empty(x.shape, "f32");
  const channels4 = x.stride / 4;
  dispatch(arena.stream, "maskedBlend", {
    op: "maskedBlend",
    space: { samples: 1, lines: x.rows },
    operands: { x: perLine(x), known: perLine(known), mask: perLine(mask), y: perLine(y) },
    call: ({ lines }) => ({
      params: { invocations: lines * channels4, channels4 },
      grid: invocations(lines * channels4),
    }),
  });
  return y;
}

function checkState(op: string, { x, x0, noise }: StepState): void {
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
