import { ArgumentError } from "../../platform/arguments.js";
import { affine } from "../../ops/elementwise.js";
import type { Arena } from "../../tensor/arena.js";
import type { ComputeType } from "../../tensor/dtype.js";
import { HeldTensors } from "../../tensor/held-tensors.js";
import type { Tensor } from "../../tensor/tensor.js";
import { denoisePart, type Denoiser, type OnStep, type Preview } from "../../diffusion/denoise.js";
import type { RunState } from "../../diffusion/run-state.js";
import { guidanceScale } from "../../diffusion/guidance.js";
import { startFromImage } from "../../diffusion/init-image.js";
import { Inpainting, prepareKnown, type Known } from "../../diffusion/inpaint.js";
import { StateNoise, type NoiseSource } from "../../diffusion/noise.js";
import { SamplingError } from "../../diffusion/sampling-error.js";
import { lastSteps, stepsOfStrength, type Sampler } from "../../diffusion/sampler.js";
import { withDefaults, type AskedSettings, type NetworkSettings } from "../../diffusion/settings.js";
import type { CascadeStage, NegativeCondition, StageRun, TextMaskRows } from "../interfaces.js";
import type { StageInfo } from "../stage-info.js";
import type { UnclipScheduler } from "../diffusers/scheduler/unclip-scheduler.js";

/** The inputs of a run of a stage. */
export interface StageInputs {
  readonly batch: number;
  readonly imageEmbed?: Tensor | undefined;
  readonly textEmbed?: Tensor | undefined;
  readonly textEncodings?: Tensor | undefined;
  readonly textMask?: TextMaskRows | undefined;
  readonly negative?: NegativeCondition | undefined;
  /** The smaller image, f32 NHWC in [0, 1]. */
  readonly lowres?: Tensor | undefined;
  readonly known?: Known | undefined;
  /** How often to repeat each sampling step when inpainting. */
  readonly resampleTimes: number;
  /** Image to start from, f32 NHWC in [0, 1] at this stage's size, and the share of the steps that is run then. */
  readonly initImage?: Tensor | undefined;
  readonly strength?: number | undefined;
}

/** The settings and inputs of a run of a stage. */
export interface StageSampling extends NetworkSettings, StageInputs {
  readonly noise: NoiseSource;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: OnStep | undefined;
  /** Called with predicted x0, as images in [0, 1]. */
  readonly preview?: Preview | undefined;
}

/** A network of a stage, and the steps that it is for. */
export interface StagePart {
  readonly component: string;
  /** Index of its first step, and the index behind its last one. */
  readonly start: number;
  readonly end: number;
}

/** How a network of a stage reads a run's inputs. */
export interface StageNetwork {
  readonly prepare: Denoiser["prepare"];
}

/** A stage of Karlo's cascade. Its steps may have several networks, which are on the GPU one at a time. */
export abstract class KarloStage implements CascadeStage {
  abstract readonly info: StageInfo;
  /** What a call of diffusers' pipeline uses if it says nothing else. */
  protected abstract readonly defaults: NetworkSettings;

  /** `channels`: of the images. `dtype`: of the weights. */
  constructor(
    protected readonly scheduler: UnclipScheduler,
    private readonly channels: number,
    private readonly dtype: ComputeType,
  ) {}

  abstract cost(asked?: AskedSettings): number;

  /** The networks of a run of that many steps, in the order of use. */
  protected abstract networksOf(steps: number): readonly StagePart[];

  /** Prepares the network of a component for a run. `held` owns the tensors that its passes read. */
  protected abstract network(component: string, held: HeldTensors, arena: Arena, sampling: StageSampling): StageNetwork;

  /** Changes the finished sample, in [-1, 1]. Default: not at all. */
  protected finished(x: Tensor): Tensor {
    return x;
  }

  /** The settings asked for, with the reference's defaults. */
  settings(asked: AskedSettings = {}): NetworkSettings {
    return withDefaults(asked, this.defaults);
  }

  /**
   * Throws `ArgumentError` for an invalid number of steps; `SamplingError` if the stage does not support the sampler, guidance
   * or inpainting.
   */
  check(settings: NetworkSettings, _batch?: number, inpaints = false): void {
    const { name, takesGuidance = true } = this.info;
    this.#checkScale(settings, name, takesGuidance);
    if (!inpaints || this.#sampler(settings).canGoBack) return;
    throw new SamplingError(
      `${name} cannot inpaint with the sampler "${settings.sampler ?? "ddpm"}": it needs the previous step, but inpainting (RePaint) goes back in time. Use the sampler "ddpm".`,
    );
  }

  #checkScale(settings: NetworkSettings, name: string, takesGuidance: boolean): void {
    this.#sampler(settings);
    const scale = guidanceScale(settings, { name, canGuide: true });
    if (takesGuidance || scale === 1) return;
    throw new SamplingError(
      `${name} only enlarges images and takes no condition to guide by: its condScale must be 1, got ${scale}.`,
      { advice: "Give one guidance scale for all U-Nets, which leaves it out, or 1 in its place in a list." },
    );
  }

  /** How often it evaluates its networks. */
  evaluations(asked: AskedSettings = {}, { resampleTimes = 1, strength }: StageRun = {}): number {
    return this.#sampler({ ...this.settings(asked), strength }).steps.length * resampleTimes;
  }

  /** The parts of a run, one for each network that it needs. */
  parts(sampling: StageSampling): readonly StagePart[] {
    return this.networksOf(this.#sampler(sampling).steps.length).filter(({ start, end }) => end > start);
  }

  /** Runs a part of the steps. Activations have the dtype of the weights. The caller disposes the state. */
  async samplePart(
    callArena: Arena,
    sampling: StageSampling,
    { component, start, end }: StagePart,
    from: RunState | undefined,
  ): Promise<RunState> {
    const arena = callArena.withType(this.dtype);
    const { imageSize } = this.info;
    const { batch, initImage, strength = 1, noise: source, signal, onStep, preview } = sampling;
    using held = new HeldTensors(arena);
    const { prepare } = this.network(component, held, arena, sampling);
    const inpainting = this.#inpainting(held, arena, sampling);
    const sampler = this.#sampler(sampling);
    // A run of all steps starts from noise alone.
    const normal = initImage && strength < 1 ? held.hold(() => toSampler(arena.share(initImage))) : undefined;
    const { schedule } = this.scheduler.process;
    const model: Denoiser = {
      arena,
      name: component,
      process: this.scheduler.process,
      sampler,
      selfCond: false,
      x0Limit: this.scheduler.x0Limit,
      prepare,
    };
    const options = {
      noise: new StateNoise(arena, source, [batch, imageSize, imageSize, this.channels]),
      start: normal && startFromImage(normal, schedule, sampler.steps[0]!.timestep),
      inpainting,
      signal,
      onStep,
      preview: preview && shownAsImages(arena, preview, inpainting),
    };
    return await denoisePart(model, options, { start, end, from });
  }

  /** The images of a finished sample, f32 `[batch, imageSize, imageSize, channels]` in [0, 1], with the known part in place. */
  images(arena: Arena, { sampled: { x } }: RunState, sampling: StageSampling): Tensor {
    return arena.scope(() => {
      using held = new HeldTensors(arena);
      const image = this.finished(arena.share(x));
      return toImage(this.#inpainting(held, arena, sampling)?.compose(image) ?? image);
    });
  }

  #inpainting(held: HeldTensors, arena: Arena, { known, resampleTimes }: StageSampling): Inpainting | undefined {
    if (!known) return undefined;
    const prepared = held.hold(() => {
      const own = { image: arena.share(known.image), mask: arena.share(known.mask) };
      const { image, mask } = prepareKnown(own, this.info.imageSize, true);
      // A mask that has the size already is the caller's.
      return { image, mask: arena.share(mask) };
    });
    return new Inpainting(prepared, this.scheduler.process.schedule, resampleTimes);
  }

  #sampler({ sampler: name, steps, strength = 1 }: NetworkSettings & Pick<StageRun, "strength">): Sampler {
    const sampler = this.scheduler.sampler(name, steps, this.info.name);
    return strength < 1 ? lastSteps(sampler, stepsOfStrength(sampler.steps.length, strength)) : sampler;
  }
}

/** Throws `ArgumentError` for an input that a stage needs and a call does not give. */
export function needed<T>(argument: string, value: T | undefined, message: string): T {
  if (value !== undefined) return value;
  throw new ArgumentError(argument, message, { code: "argument/missing" });
}

function shownAsImages(arena: Arena, { every, show }: Preview, inpainting: Inpainting | undefined): Preview {
  return {
    every,
    show: async (x0) => {
      using images = arena.scope(() => toImage(inpainting?.compose(x0) ?? x0));
      await show(images);
    },
  };
}

/** From [0, 1] to the sampler's [-1, 1]. */
export function toSampler(image: Tensor): Tensor {
  return affine(image, 2, -1);
}

function toImage(x: Tensor): Tensor {
  return affine(x, 0.5, 0.5);
}
