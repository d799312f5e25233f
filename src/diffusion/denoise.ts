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

/** Called when a step has run. The next step is encoded by then. */
export type OnStep = (step: number, steps: number) => void;

/** Previews while sampling. */
export interface Preview {
  /** Shows a preview every N steps. */
  readonly every: number;
  /** Receives the predicted x0, f32, before `OnStep` is called for the step. It is freed afterwards. */
  readonly show: (x0: Tensor) => Promise<void>;
}

/**
 * Returns the guided prediction of a network, f32, for an f32 state in the current pass. Only encodes work, uploads
 * nothing.
 */
export type Predict = (x: Tensor, selfCond: Tensor | undefined) => Tensor;

/** What a sampling loop needs from a model. Tensors created in a pass are freed with it. */
export interface Denoiser {
  readonly arena: Arena;
  /** Name of the network in errors. */
  readonly name: string;
  readonly process: Process;
  readonly sampler: Sampler;
  /** Whether the network gets the previous predicted x0 (Chen et al. 2022, "Analog Bits"). */
  readonly selfCond: boolean;
  /** Uploads what the network reads in a run whose passes are at these timesteps. `inputs` holds the tensors. */
  readonly prepare: (inputs: StepInputs, times: readonly number[]) => Predict;
  /** Clamps the predicted x0 to ± this value. Default: no clamping. */
  readonly x0Limit?: number | undefined;
  /** Applied to the predicted x0 after clamping. */
  readonly limitX0?: ((x0: Tensor) => Tensor) | undefined;
}

export interface DenoiseOptions {
  readonly noise: StateNoise;
  /** Turns the initial noise into the initial state. Default: the noise itself. */
  readonly start?: ((noise: Tensor) => Tensor) | undefined;
  readonly inpainting?: Inpainting | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: OnStep | undefined;
  readonly preview?: Preview | undefined;
}

/** A state between two steps of a run. All tensors are f32. */
export interface RunState {
  readonly sampled: SamplerState;
  /** The last predicted x0. Kept for self-conditioning, and for a preview until it is shown. */
  readonly x0: Tensor | undefined;
}

/** A part of a run: the steps of its sampler from index `start` to before `end`. */
export interface RunPart {
  readonly start: number;
  readonly end: number;
  /** The state that the part before returned. The caller disposes it. Default: the run starts here, from noise. */
  readonly from?: RunState | undefined;
}

/**
 * Runs a sampler from noise to a sample, f32. The caller disposes the result. While a step runs on the GPU, only the
 * next one is encoded. All tensors of a step are freed with it, so only the first step allocates memory. Rejects
 * between two steps with the reason of `signal`, and with `NotFiniteError` one step after values stopped being finite.
 * A dry run does one pass of each kind, draws no noise, and does not wait.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2829-L2910
 */
export async function denoise(model: Denoiser, options: DenoiseOptions): Promise<Tensor> {
  const state = await denoisePart(model, options, { start: 0, end: model.sampler.steps.length });
  release(state, state.sampled.x);
  return state.sampled.x;
}

/**
 * The same for some steps of a run whose parts have different networks, which may compute in different dtypes. Steps are
 * counted over the whole run. The parts must have the same steps and options, and run one after the other; each returns the
 * state that the next continues from, which the caller disposes (`disposeState`).
 */
export async function denoisePart(model: Denoiser, options: DenoiseOptions, part: RunPart): Promise<RunState> {
  const { arena } = model;
  const { signal, onStep, preview } = options;
  const all = passesOf(model.sampler.steps, options.inpainting?.resampleTimes ?? 1);
  const passes = all.filter(({ stepIndex }) => stepIndex >= part.start && stepIndex < part.end);
  using inputs = new StepInputs(arena, all.length);
  using noise = new PassNoise(options.noise, options.inpainting !== undefined);
  using watch = new FiniteWatch(inputs);
  const run: Run = { model, options, inputs, noise, watch, forwardPass: prepareForward(model, options, inputs, all) };
  const checkPass = async (found: Promise<FirstNotFinite | undefined> | undefined): Promise<void> => {
    const place = await found;
    if (place) throw notFinite(model, place, all.length);
  };
  let state = arena.scope(() => (part.from ? shared(arena, part.from) : initialState(options)));
  let running: Promise<FirstNotFinite | undefined> | undefined;
  let done: number | undefined;
  try {
    for (const pass of arena.stream.isDryRun ? distinctPasses(passes) : passes) {
      signal?.throwIfAborted();
      const isShown = preview !== undefined && (pass.index + 1) % preview.every === 0;
      state = encodePass(run, state, pass, isShown || model.selfCond);
      const encoded = watch.read();
      // Awaited one pass later. Until then a failure must not be an unhandled rejection.
      encoded.catch(() => undefined);
      await checkPass(running);
      running = encoded;
      if (done !== undefined) onStep?.(pass.index, all.length);
      done = pass.index + 1;
      if (isShown) {
        await checkPass(running);
        await preview.show(state.x0!);
      }
      if (!model.selfCond) state = withoutX0(state);
    }
    await checkPass(running);
    if (done !== undefined) onStep?.(done, all.length);
  } catch (error) {
    disposeState(state);
    throw error;
  }
  return state;
}

/** Frees the tensors of a state. */
export function disposeState(state: RunState | undefined): void {
  if (state) release(state);
}

interface Run {
  readonly model: Denoiser;
  readonly options: DenoiseOptions;
  readonly inputs: StepInputs;
  readonly noise: PassNoise;
  /** Checks the prediction of the network, because clamping would hide infinity and NaN, and the next state. */
  readonly watch: FiniteWatch;
  readonly forwardPass: ForwardPass;
}

type ForwardPass = (state: RunState, pass: Pass, noise: ReturnType<PassNoise["draw"]>, watch: FiniteWatch) => RunState;

function initialState({ noise, start }: DenoiseOptions): RunState {
  const x = noise.draw();
  return { sampled: { x: start?.(x) ?? x }, x0: undefined };
}

/** The same state in another arena. Its storage is freed when both states are disposed. */
function shared(arena: Arena, { sampled: { x, lastX0 }, x0 }: RunState): RunState {
  const share = (tensor: Tensor | undefined): Tensor | undefined => tensor && arena.share(tensor);
  return { sampled: { x: arena.share(x), lastX0: share(lastX0) }, x0: share(x0) };
}

/** Uploads what the pass needs, encodes the pass, and frees the previous state. */
function encodePass(
  { model, inputs, noise, watch, forwardPass }: Run,
  before: RunState,
  pass: Pass,
  keepsX0: boolean,
): RunState {
  inputs.goTo(pass.index);
  const drawn = noise.draw(pass);
  const next = model.arena.scope(() => {
    const { sampled, x0 } = forwardPass(before, pass, drawn, watch);
    return { sampled, x0: keepsX0 ? x0 : undefined };
  });
  release(before);
  return next;
}

/** Uploads the tables of a run. The returned function encodes one of its passes. */
function prepareForward(
  model: Denoiser,
  { inpainting }: DenoiseOptions,
  inputs: StepInputs,
  passes: readonly Pass[],
): ForwardPass {
  const { schedule, objective } = model.process;
  const times = passes.map(({ step }) => step.timestep);
  const predict = model.prepare(inputs, times);
  const numbers = x0Numbers(
    inputs,
    times.map((timestep) => schedule.x0From(objective, timestep)),
  );
  const encodeStep = model.sampler.init(
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
    const next = encodeStep({ ...sampled, x }, { raw, x0, noise: noise.step, step });
    watch.check(raw, next.x);
    return { sampled: inpaint && repeats ? { ...next, x: inpaint.renoise(next.x, noise.back!) } : next, x0 };
  };
}

function notFinite({ name, arena }: Denoiser, { pass, isPredicted }: FirstNotFinite, steps: number): NotFiniteError {
  const what = isPredicted ? "the network's prediction" : "the sampler's next state";
  return NotFiniteError.at({ component: name, dtype: arena.dtype, step: pass + 1, steps, what });
}

function withoutX0({ sampled, x0 }: RunState): RunState {
  if (x0 !== sampled.x && x0 !== sampled.lastX0) x0?.dispose();
  return { sampled, x0: undefined };
}

/** Frees the tensors of a state, except `kept`. */
function release({ sampled, x0 }: RunState, kept?: Tensor): void {
  for (const tensor of [sampled.x, sampled.lastX0, x0]) {
    if (tensor !== kept) tensor?.dispose();
  }
}
