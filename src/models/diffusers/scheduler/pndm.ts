import { InternalError } from "../../../platform/internal-error.js";
import type { EncodeStep, Sampler, TimestepPair } from "../../../diffusion/sampler.js";
import { affine } from "../../../ops/elementwise.js";
import { dpmppNumbers, dpmppStep, stepCombine } from "../../../ops/sampler.js";
import type { StepInputs } from "../../../ops/step-inputs.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { PndmSchedulerOptions } from "../config/pndm-scheduler-config.js";
import type { DiffusersSchedule } from "./diffusers-schedule.js";

/** What a PNDM run is over. */
export interface PndmProcess {
  readonly schedule: DiffusersSchedule;
  readonly options: Pick<PndmSchedulerOptions, "objective" | "endsClean" | "timesteps">;
  /** Timesteps between two of the grid. */
  readonly ratio: number;
}

/** Weights of the predictions in a step, the newest first, by how many earlier ones there are (Adams-Bashforth). */
const WEIGHTS: readonly (readonly number[])[] = [
  [1],
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
];

/** In the second pass, the mean of the prediction and the one before, from the state before. */
const MEAN = [1 / 2, 1 / 2];

/** A step from the noise of one timestep to that of another, and how it mixes predictions. */
interface PndmPass {
  readonly from: number;
  /** Below 0: the end. */
  readonly to: number;
  readonly weights: readonly number[];
  /** Whether the step begins at the state before. */
  readonly isSecond: boolean;
}

/**
 * The multistep half of PNDM (Liu et al. 2022; `PNDMScheduler` of diffusers with `skip_prk_steps`): each step uses up to four
 * predictions. `grid` are timesteps, downwards. The second is evaluated twice: the first step is repeated with the mean of the
 * predictions at both of its ends. There are no draws.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_pndm.py#L319-L443
 */
export function pndm(process: PndmProcess, grid: readonly number[]): Sampler {
  const { ratio } = process;
  const evaluated = grid.length > 1 ? [grid[0]!, grid[1]!, ...grid.slice(1)] : grid;
  const passes = evaluated.map((timestep, i): PndmPass => {
    if (i === 1) return { from: timestep + ratio, to: timestep, weights: MEAN, isSecond: true };
    const earlier = Math.min(i === 0 ? 0 : i - 1, WEIGHTS.length - 1);
    return { from: timestep, to: timestep - ratio, weights: WEIGHTS[earlier]!, isSecond: false };
  });
  const steps = passes.map(({ to }, i): TimestepPair => ({ timestep: evaluated[i]!, next: Math.max(to, -1) }));
  return {
    steps: steps.map((step) => ({ ...step, noise: "none" })),
    canGoBack: false,
    init: (inputs, stepOfPass) =>
      encodeSteps(
        inputs,
        stepOfPass.map((step) => numbersOf(process, passes[step]!)),
      ),
    // Predictions that were not made have no weights.
    last: (count) => pndm(process, count === 0 ? [] : grid.slice(-Math.max(count - 1, 1))),
  };
}

/** The factors of a step: of the state, the state before, and the predictions; and how predictions move on. */
interface PassNumbers {
  readonly x: number;
  readonly before: number;
  readonly predictions: readonly number[];
  /** 1 if the prediction is kept, 0 if those before stay as they are. */
  readonly keeps: number;
}

/** Each operation on ᾱ is rounded to f32, as in torch. */
function numbersOf({ schedule, options }: PndmProcess, { from, to, weights, isSecond }: PndmPass): PassNumbers {
  const f = Math.fround;
  const bar = schedule.barAt(from);
  const barNext = to < 0 ? (options.endsClean ? 1 : schedule.barAt(0)) : schedule.barAt(to);
  const [rest, restNext] = [f(1 - bar), f(1 - barNext)];
  const divisor = f(f(bar * f(Math.sqrt(restNext))) + f(Math.sqrt(f(f(bar * rest) * barNext))));
  const noise = -f(f(barNext - bar) / divisor);
  const state = f(Math.sqrt(f(barNext / bar)));
  // A prediction v is turned into noise: √ᾱ · v + √(1 - ᾱ) · x.
  const isV = options.objective === "v";
  const scaleX = isV ? state + noise * Math.sqrt(rest) : state;
  const scale = isV ? noise * Math.sqrt(bar) : noise;
  return {
    x: isSecond ? 0 : scaleX,
    before: isSecond ? scaleX : 0,
    predictions: WEIGHTS.map((_, i) => scale * (weights[i] ?? 0)),
    keeps: isSecond ? 0 : 1,
  };
}

/**
 * Every pass but the first dispatches the same. The state keeps the last three predictions, the newest first, then the state before;
 * those that do not exist yet have any finite values, and weights of 0.
 */
function encodeSteps(inputs: StepInputs, passes: readonly PassNumbers[]): EncodeStep {
  const states = dpmppNumbers(
    inputs,
    passes.map(({ x, before, predictions }) => ({ scaleX: x, scaleX0: before, scaleLast: predictions[0]! })),
  );
  const middle = dpmppNumbers(
    inputs,
    passes.map(({ predictions }) => ({ scaleX: 1, scaleX0: predictions[1]!, scaleLast: predictions[2]! })),
  );
  const last = inputs.numbers(passes.map(({ predictions }) => [1, predictions[3]!]));
  const moves = inputs.numbers(passes.map(({ keeps }) => [keeps, 1 - keeps]));
  const copy = (x: Tensor) => affine(x, 1, 0);
  return ({ x, kept = [x, x, x, x] }, { raw }) => {
    const [first, second, third, before] = kept;
    if (!first || !second || !third || !before) throw new InternalError("PNDM keeps four tensors.");
    const next = stepCombine(dpmppStep(dpmppStep(x, before, raw, states), first, second, middle), third, last);
    const moved = [
      [raw, first],
      [first, second],
      [second, third],
    ] as const;
    return { x: next, kept: [...moved.map(([newer, older]) => stepCombine(newer, older, moves)), copy(x)] };
  };
}
