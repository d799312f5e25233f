import type { RepeatedWork } from "../gpu/executors/repeated-work.js";
import { FiniteWatch, type FirstNotFinite } from "../ops/finite.js";
import { predictX0, x0Numbers } from "../ops/sampler.js";
import { StepInputs } from "../ops/step-inputs.js";
import type { Arena } from "../tensor/arena.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Inpainting } from "./inpaint.js";
import { PassNoise, type StateNoise } from "./noise.js";
import { distinctPasses, kindOf, passesOf, type Pass } from "./passes.js";
import { StateMemory, type RunState } from "./run-state.js";
import type { Process, Sampler } from "./sampler.js";
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

/** A part of a run: the steps of its sampler from index `start` to before `end`. */
export interface RunPart {
  readonly start: number;
  readonly end: number;
  /** The state that the part before returned. The caller disposes it. Default: the run starts here, from noise. */
  readonly from?: RunState | undefined;
}

/**
 * Runs a sampler from noise to a sample, f32. The caller disposes the result. While a step runs on the GPU, only the
 * next one is encoded. The first step of each kind is recorded, and later ones replay it on the same memory. Rejects
 * between two steps with the reason of `signal`, and with `NotFiniteError` one step after values stopped being finite.
 * A dry run does one pass of each kind, draws no noise, and does not wait.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2829-L2910
 */
export async function denoise(model: Denoiser, options: DenoiseOptions): Promise<Tensor> {
  const { sampled, x0 } = await denoisePart(model, options, { start: 0, end: model.sampler.steps.length });
  for (const tensor of [sampled.lastX0, x0, ...(sampled.kept ?? [])]) tensor?.dispose();
  return sampled.x;
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
  using memory = new StateMemory(arena, options.noise.shape);
  using work = arena.stream.repeatedWork();
  const forwardPass = prepareForward(model, options, inputs, all);
  const keepsX0 = model.selfCond || preview !== undefined;
  const run: Run = { model, inputs, noise, watch, memory, work, keepsX0, forwardPass };
  const checkPass = async (found: Promise<FirstNotFinite | undefined> | undefined): Promise<void> => {
    const place = await found;
    if (place) throw notFinite(model, place, all.length);
  };
  let state = part.from ? memory.keep(part.from) : initialState(memory, arena, options);
  let running: Promise<FirstNotFinite | undefined> | undefined;
  let done: number | undefined;
  for (const pass of arena.stream.isDryRun ? distinctPasses(passes) : passes) {
    signal?.throwIfAborted();
    const isShown = preview !== undefined && (pass.index + 1) % preview.every === 0;
    state = encodePass(run, state, pass);
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
    if (!model.selfCond) state = { sampled: state.sampled, x0: undefined };
  }
  await checkPass(running);
  if (done !== undefined) onStep?.(done, all.length);
  return memory.take(state);
}

interface Run {
  readonly model: Denoiser;
  readonly inputs: StepInputs;
  readonly noise: PassNoise;
  /** Checks the prediction of the network, because clamping would hide infinity and NaN, and the next state. */
  readonly watch: FiniteWatch;
  readonly memory: StateMemory;
  readonly work: RepeatedWork;
  /** Whether the predicted x0 of a pass is needed after it. */
  readonly keepsX0: boolean;
  readonly forwardPass: ForwardPass;
}

type ForwardPass = (state: RunState, pass: Pass, noise: ReturnType<PassNoise["draw"]>, watch: FiniteWatch) => RunState;

function initialState(memory: StateMemory, arena: Arena, { noise, start }: DenoiseOptions): RunState {
  const { x } = memory;
  noise.drawInto(x);
  if (!start) return { sampled: { x }, x0: undefined };
  return arena.scope(() => memory.keep({ sampled: { x: start(x) }, x0: undefined }));
}

/** Uploads what the pass needs and encodes the pass. Returns its state, in the memory of the run. */
function encodePass(
  { model, inputs, noise, watch, memory, work, keepsX0, forwardPass }: Run,
  state: RunState,
  pass: Pass,
): RunState {
  inputs.goTo(pass.index);
  const drawn = noise.draw(pass);
  const has = (tensor: Tensor | undefined): string => (tensor ? "with" : "without");
  const kind = `${kindOf(pass)}; ${has(state.sampled.lastX0)} last x0, ${has(state.sampled.kept?.[0])} kept, ${has(state.x0)} x0`;
  return work.run(kind, () =>
    model.arena.scope(() => {
      const { sampled, x0 } = forwardPass(state, pass, drawn, watch);
      return memory.keep({ sampled, x0: keepsX0 ? x0 : undefined });
    }),
  );
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
