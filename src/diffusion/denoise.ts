import { FiniteWatch, type FirstNotFinite } from "../ops/finite.js";
import { predictX0, x0Numbers } from "../ops/sampler.js";
import { StepInputs } from "../ops/step-inputs.js";
import type { Arena } from "../tensor/arena.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Inpainting } from "./inpaint.js";
import { PassNoise, type StateNoise } from "./noise.js";
import { distinctPasses, passesOf, type Pass } from "./passes.js";
import type { Process, Sampler, SamplerState } from "./sampler.js";
import { NotFiniteError } from "./sampling-error.js";

/** Called when a step has run; the next one is encoded by then. */
export type OnStep = (step: number, steps: number) => void;

/** A look at how the sample comes along. */
export interface Preview {
  /** Every N steps. */
  readonly every: number;
  /** Takes the predicted x0, f32, before `OnStep` is told of the step. It is freed afterwards. */
  readonly show: (x0: Tensor) => Promise<void>;
}

/** The guided prediction of a network for an f32 state in the current pass, f32. Only encodes work: it uploads nothing. */
export type Predict = (x: Tensor, selfCond: Tensor | undefined) => Tensor;

/** What a sampling loop needs of a model. Tensors made in a pass are freed with it. */
export interface Denoiser {
  readonly arena: Arena;
  /** As errors call the network. */
  readonly name: string;
  readonly process: Process;
  readonly sampler: Sampler;
  /** Whether the network sees the previous x0 (Chen et al. 2022, "Analog Bits"). */
  readonly selfCond: boolean;
  /** Uploads what the network reads in a run whose passes are at these times; what it makes is held by `inputs`. */
  readonly prepare: (inputs: StepInputs, times: readonly number[]) => Predict;
  /** Clamps the predicted x0 to ± this. Default: not. */
  readonly x0Limit?: number | undefined;
  /** What is done to the predicted x0 beyond that. */
  readonly limitX0?: ((x0: Tensor) => Tensor) | undefined;
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

/**
 * Runs a sampler from noise to a sample, f32. The caller disposes the result. While a step runs on the GPU the next one
 * is encoded, never more; all tensors of a step are freed with it, so only the first step takes new memory. Rejects with
 * the reason of `signal` between two steps, and with `NotFiniteError` one step after values stopped being finite. A dry run
 * takes one pass of each kind, draws no noise, and waits for nothing.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2829-L2910
 */
export async function denoise(model: Denoiser, options: DenoiseOptions): Promise<Tensor> {
  const { arena } = model;
  const { signal, onStep, preview } = options;
  const passes = passesOf(model.sampler.steps, options.inpainting?.resampleTimes ?? 1);
  using inputs = new StepInputs(arena, passes.length);
  using noise = new PassNoise(options.noise, options.inpainting !== undefined);
  using watch = new FiniteWatch(inputs);
  const run: Run = { model, options, inputs, noise, watch, runPass: passRunner(model, options, inputs, passes) };
  const checkPass = async (found: Promise<FirstNotFinite | undefined> | undefined): Promise<void> => {
    const place = await found;
    if (place) throw notFinite(model, place, passes.length);
  };
  let state = arena.scope(() => first(options));
  let running: Promise<FirstNotFinite | undefined> | undefined;
  try {
    for (const pass of arena.stream.isDryRun ? distinctPasses(passes) : passes) {
      signal?.throwIfAborted();
      const isShown = preview !== undefined && (pass.index + 1) % preview.every === 0;
      state = takePass(run, state, pass, isShown || model.selfCond);
      const encoded = watch.read();
      // Awaited one pass later; a failure before that is not an unhandled one.
      encoded.catch(() => undefined);
      await checkPass(running);
      running = encoded;
      if (pass.index > 0) onStep?.(pass.index, passes.length);
      if (isShown) {
        await checkPass(running);
        await preview.show(state.x0!);
      }
      if (!model.selfCond) state = withoutX0(state);
    }
    await checkPass(running);
    onStep?.(passes.length, passes.length);
  } catch (error) {
    release(state);
    throw error;
  }
  release(state, state.sampled.x);
  return state.sampled.x;
}

interface State {
  readonly sampled: SamplerState;
  /** The latest predicted x0, kept for self-conditioning, and for a preview until it is shown. */
  readonly x0: Tensor | undefined;
}

interface Run {
  readonly model: Denoiser;
  readonly options: DenoiseOptions;
  readonly inputs: StepInputs;
  readonly noise: PassNoise;
  /** Looks at what the network predicts, as clamps later hide what is not finite there, and at the next state. */
  readonly watch: FiniteWatch;
  readonly runPass: RunPass;
}

type RunPass = (state: State, pass: Pass, noise: ReturnType<PassNoise["draw"]>, watch: FiniteWatch) => State;

function first({ noise, start }: DenoiseOptions): State {
  const x = noise.draw();
  return { sampled: { x: start?.(x) ?? x }, x0: undefined };
}

/** Uploads what the pass needs, encodes it, and frees the state before it. */
function takePass({ model, inputs, noise, watch, runPass }: Run, before: State, pass: Pass, keepsX0: boolean): State {
  inputs.goTo(pass.index);
  const drawn = noise.draw(pass);
  const next = model.arena.scope(() => {
    const { sampled, x0 } = runPass(before, pass, drawn, watch);
    return { sampled, x0: keepsX0 ? x0 : undefined };
  });
  release(before);
  return next;
}

/** Uploads the tables of a run; what it gives encodes one of its passes. */
function passRunner(
  model: Denoiser,
  { inpainting }: DenoiseOptions,
  inputs: StepInputs,
  passes: readonly Pass[],
): RunPass {
  const { schedule, objective } = model.process;
  const times = passes.map(({ step }) => step.time);
  const predict = model.prepare(inputs, times);
  const numbers = x0Numbers(
    inputs,
    times.map((time) => schedule.x0From(objective, time)),
  );
  const takeStep = model.sampler.init(
    inputs,
    passes.map(({ stepIndex }) => stepIndex),
  );
  const inpaint = inpainting?.init(inputs, passes);
  return (state, { step, repeats }, noise, watch) => {
    const { sampled } = state;
    const x = inpaint ? inpaint.impose(sampled.x, noise.known!) : sampled.x;
    const raw = predict(x, state.x0);
    const clamped = predictX0(x, raw, numbers, { limit: model.x0Limit });
    const x0 = model.limitX0?.(clamped) ?? clamped;
    const next = takeStep({ ...sampled, x }, { raw, x0, noise: noise.step, step });
    watch.look(raw, next.x);
    return { sampled: inpaint && repeats ? { ...next, x: inpaint.renoise(next.x, noise.back!) } : next, x0 };
  };
}

function notFinite({ name, arena }: Denoiser, { pass, isPredicted }: FirstNotFinite, steps: number): NotFiniteError {
  const what = isPredicted ? "the network's prediction" : "the sampler's next state";
  return NotFiniteError.at({ component: name, dtype: arena.dtype, step: pass + 1, steps, what });
}

function withoutX0({ sampled, x0 }: State): State {
  if (x0 !== sampled.x && x0 !== sampled.lastX0) x0?.dispose();
  return { sampled, x0: undefined };
}

/** Frees the tensors of a state but for `kept`. */
function release({ sampled, x0 }: State, kept?: Tensor): void {
  for (const tensor of [sampled.x, sampled.lastX0, x0]) {
    if (tensor !== kept) tensor?.dispose();
  }
}
