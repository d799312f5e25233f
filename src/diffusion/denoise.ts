import { FiniteWatch, type FirstNotFinite } from "../ops/finite.js";
import type { Arena } from "../tensor/arena.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Inpainting } from "./inpaint.js";
import type { StateNoise } from "./noise.js";
import { NotFiniteError } from "./sampling-error.js";

/** One step of a sampler, from the state at `time` to the one at `nextTime`. */
export interface SamplerStep {
  readonly time: number;
  readonly nextTime: number;
  /** Factors of the state and of the network's prediction in the estimate of the clean sample. */
  readonly estimate: { readonly x: number; readonly prediction: number };
  /** What the reference does with noise in this step; `unused` is drawn and multiplied by zero. */
  readonly noise: "none" | "unused" | "added";
  /** The next state from the state, the clean estimate, the prediction and the noise; all but the prediction f32. */
  readonly advance: (x: Tensor, x0: Tensor, prediction: Tensor, noise: Tensor | undefined) => Tensor;
}

/** Called when a step has run; the next one is encoded by then. */
export type OnStep = (step: number, steps: number) => void;

/** A look at how the sample comes along. */
export interface Preview {
  /** Once in this many steps. */
  readonly every: number;
  /** Takes the estimate of the clean sample, f32, before `OnStep` is told of the step. It is freed afterwards. */
  readonly show: (x0: Tensor) => Promise<void>;
}

/** What a sampling loop needs of a model. Tensors made by these functions are freed with the step. */
export interface Denoiser {
  readonly arena: Arena;
  /** As errors call the network. */
  readonly name: string;
  readonly steps: readonly SamplerStep[];
  /** Whether the network sees the previous estimate (Chen et al. 2022, "Analog Bits"). */
  readonly selfCond: boolean;
  /** The guided prediction of the network for an f32 state. */
  readonly predict: (x: Tensor, time: number, selfCond: Tensor | undefined) => Tensor;
  /** The estimate of the clean sample, f32, clamped as the model wants it. */
  readonly estimate: (x: Tensor, prediction: Tensor, step: SamplerStep) => Tensor;
}

export interface DenoiseOptions {
  readonly noise: StateNoise;
  /** Turns the first noise into the first state; default: as it is. */
  readonly start?: ((noise: Tensor) => Tensor) | undefined;
  readonly inpainting?: Inpainting | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: OnStep | undefined;
  readonly preview?: Preview | undefined;
}

interface State {
  readonly x: Tensor;
  /** The latest estimate, kept for self-conditioning, and for a preview until it is shown. */
  readonly x0: Tensor | undefined;
}

/** One evaluation of the network: a step, or one of its repetitions when inpainting. */
interface Pass {
  readonly step: SamplerStep;
  /** Go back to the time of the step afterwards, to do it once more. */
  readonly repeats: boolean;
}

/**
 * Runs a sampler from noise to a sample, f32. The caller disposes the result. While a step runs on the GPU the next one
 * is encoded, never more; all tensors of a step are freed with it, so only the first step takes new memory. Rejects with
 * the reason of `signal` between two steps, and with `NotFiniteError` one step after values stopped being finite.
 */
export async function denoise(model: Denoiser, options: DenoiseOptions): Promise<Tensor> {
  const { arena } = model;
  const { signal, onStep, preview } = options;
  const passes = passesOf(model.steps, options.inpainting?.resampleTimes ?? 1);
  using watch = new FiniteWatch(arena);
  const checkStep = async (found: Promise<FirstNotFinite | undefined> | undefined): Promise<void> => {
    const place = await found;
    if (place) throw notFinite(model, place, passes.length);
  };
  let state = arena.scope(() => first(options));
  let running: Promise<FirstNotFinite | undefined> | undefined;
  try {
    for (const [index, pass] of passes.entries()) {
      signal?.throwIfAborted();
      const isShown = preview !== undefined && (index + 1) % preview.every === 0;
      const before = state;
      const next = arena.scope(() =>
        runPass(model, options, before, { ...pass, index, keepsEstimate: isShown || model.selfCond, watch }),
      );
      release(state);
      state = next;
      const encoded = watch.read();
      // Awaited one step later; a failure before that is not an unhandled one.
      encoded.catch(() => undefined);
      await checkStep(running);
      running = encoded;
      if (index > 0) onStep?.(index, passes.length);
      if (isShown) {
        await checkStep(running);
        await preview.show(state.x0!);
      }
      if (!model.selfCond) state = withoutEstimate(state);
    }
    await checkStep(running);
    onStep?.(passes.length, passes.length);
  } catch (error) {
    release(state);
    throw error;
  }
  return withoutEstimate(state).x;
}

/**
 * Encodes the first and the last step without drawing noise or waiting: the body of a `Gpu.warmup`, where this compiles
 * what a run will need. `options.noise` should be silent.
 */
export function rehearse(model: Denoiser, options: DenoiseOptions): void {
  const passes = passesOf(model.steps, Math.min(2, options.inpainting?.resampleTimes ?? 1));
  model.arena.scope(() => {
    using watch = new FiniteWatch(model.arena);
    let state = first(options);
    for (const pass of new Set([passes.at(0), passes.at(1), passes.at(-1)])) {
      if (!pass) continue;
      const before = state;
      const run = { ...pass, index: 0, keepsEstimate: model.selfCond, watch };
      state = model.arena.scope(() => runPass(model, options, before, run));
      release(before);
    }
  });
}

function notFinite({ name, arena }: Denoiser, { step, isPredicted }: FirstNotFinite, steps: number): NotFiniteError {
  const what = isPredicted ? "the network's prediction" : "the sampler's next state";
  return NotFiniteError.at({ component: name, dtype: arena.dtype, step: step + 1, steps, what });
}

function passesOf(steps: readonly SamplerStep[], times: number): readonly Pass[] {
  return steps.flatMap((step, index) => {
    // RePaint does not go back from a finished sample, but it does repeat the last step.
    const isLast = index === steps.length - 1;
    return Array.from({ length: times }, (_, i) => ({ step, repeats: !isLast && i < times - 1 }));
  });
}

function first({ noise, start }: DenoiseOptions): State {
  const x = noise.draw();
  return { x: start?.(x) ?? x, x0: undefined };
}

/** A pass with its place in the run. */
interface PassRun extends Pass {
  readonly index: number;
  readonly keepsEstimate: boolean;
  /** Looks at what the network predicts, as clamps later hide what is not finite there, and at the next state. */
  readonly watch: FiniteWatch;
}

function runPass(
  model: Denoiser,
  options: DenoiseOptions,
  state: State,
  { step, repeats, index, keepsEstimate, watch }: PassRun,
): State {
  const { noise, inpainting } = options;
  const x = inpainting ? inpainting.impose(state.x, step.time, noise.draw()) : state.x;
  const prediction = model.predict(x, step.time, state.x0);
  const x0 = model.estimate(x, prediction, step);
  if (step.noise === "unused") noise.skip();
  const next = step.advance(x, x0, prediction, step.noise === "added" ? noise.draw() : undefined);
  watch.look(index, prediction, next);
  return {
    x: inpainting && repeats ? inpainting.renoise(next, step.nextTime, step.time, noise.draw()) : next,
    x0: keepsEstimate ? x0 : undefined,
  };
}

function withoutEstimate({ x, x0 }: State): State {
  if (x0 !== x) x0?.dispose();
  return { x, x0: undefined };
}

function release({ x, x0 }: State): void {
  x.dispose();
  x0?.dispose();
}
