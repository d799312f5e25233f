import { finiteNumber } from "../../platform/arguments.js";
import type { DecoderOptions, DecoderStage } from "./options.js";
import type { NegativeCondition, UnetCondition } from "./unet/conditioning.js";
import { canBroadcast } from "./unet/image-condition.js";
import type { TextMask } from "./unet/text-condition.js";
import { Unet } from "./unet/unet.js";
import { affine, combine } from "../../ops/elementwise.js";
import { quantile } from "../../ops/reduce.js";
import { dynamicThreshold, predictX0 } from "../../ops/sampler.js";
import type { Arena } from "../../tensor/arena.js";
import type { ComputeType } from "../../tensor/dtype.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Dialect } from "./dialect/dialect.js";
import type { Weights } from "../../weights/store.js";
import { ddimSteps } from "../../diffusion/ddim.js";
import { ddpmSteps } from "../../diffusion/ddpm.js";
import {
  denoise,
  rehearse,
  type Denoiser,
  type OnStep,
  type Preview,
  type SamplerStep,
} from "../../diffusion/denoise.js";
import { Inpainting, prepareKnown, type Known } from "../../diffusion/inpaint.js";
import { lowresResizeOf, type LowresResize } from "./lowres.js";
import { silence, StateNoise, type NoiseSource } from "../../diffusion/noise.js";
import { NotFiniteError, SamplingError } from "../../diffusion/sampling-error.js";
import { NoiseSchedule } from "../../diffusion/schedule.js";
import type { DecoderSchedules } from "./stored-schedule.js";
import { decoderTimeGrid } from "../../diffusion/time-grid.js";

/** Low-resolution images are noised by a linear schedule of this many steps, whatever the model's own is. */
const LOWRES_NOISE_STEPS = 1000;

export interface UnetSampling {
  readonly batch: number;
  readonly imageEmbed?: Tensor | undefined;
  readonly textEncodings?: Tensor | undefined;
  readonly textMask?: TextMask | undefined;
  /** What guidance leads away from; default: what was learned for dropped conditions. */
  readonly negative?: NegativeCondition | undefined;
  readonly condScale: number;
  /** Number of sampling steps; null for the U-Net's own. */
  readonly timesteps: number | null;
  /** Image of the stage before, f32 NHWC, which an upsampler starts from. */
  readonly lowres?: Tensor | undefined;
  readonly known?: Known | undefined;
  /** How often each step is taken when inpainting. */
  readonly resampleTimes: number;
  readonly noise: NoiseSource;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: OnStep | undefined;
  /** Takes estimates as images like those that `sample` returns. */
  readonly preview?: Preview | undefined;
}

/** What a run computes once, before its first step. */
interface Prepared {
  readonly lowres: Tensor | undefined;
  readonly known: Known | undefined;
}

/** One stage of a decoder's cascade: a U-Net and the sampler that it was trained for. */
export class UnetSampler {
  /** What it computes in. */
  readonly #dtype: ComputeType;
  readonly #unet: Unet | undefined;
  readonly #schedule: () => NoiseSchedule;
  readonly #eta: number;
  readonly #percentile: number;
  readonly #resizeLowres: LowresResize;
  readonly #textMask: TextMask | undefined;

  /**
   * Declares the U-Net's weights: those of stage `index` in the state dict of a decoder. A U-Net that was not trained has
   * none: it cannot sample, and says only what it would have sampled.
   */
  constructor(
    weights: Weights,
    readonly decoder: DecoderOptions,
    readonly index: number,
    private readonly dialect: Dialect,
    schedules: DecoderSchedules,
    readonly isTrained = true,
  ) {
    const { stage } = this;
    this.#dtype = weights.arena.dtype;
    if (isTrained) this.#unet = new Unet(weights.at("unets", index), stage.unet, dialect.network);
    this.#schedule = schedules(index);
    this.#eta = decoder.ddimSamplingEta ?? dialect.sampler.ddimEta;
    this.#percentile = decoder.dynamicThresPercentile ?? dialect.sampler.dynamicThresPercentile;
    this.#resizeLowres = lowresResizeOf(dialect.network);
    if (dialect.sampler.textMaskDefault === "nonZero") this.#textMask = "nonZero";
  }

  /** As messages call it. */
  get name(): string {
    return `U-Net ${this.index + 1}`;
  }

  get stage(): DecoderStage {
    return this.decoder.stages[this.index]!;
  }

  /** Whether each image of a batch is given the embeddings of all: see `BatchTokens` in unet/image-condition.ts. */
  get mixesBatch(): boolean {
    const { condOnImageEmbeds, imageEmbedDim, condDim } = this.stage.unet;
    return condOnImageEmbeds && imageEmbedDim === condDim;
  }

  /** Throws `SamplingError` where the checkpoint holds no weights of this U-Net. */
  checkTrained(): void {
    if (this.isTrained) return;
    throw new SamplingError(
      `${this.name} was not trained: the checkpoint holds no weights of it. Start at a later U-Net, from an image, or stop at an earlier one (startAtUnetNumber, stopAtUnetNumber).`,
    );
  }

  /**
   * Throws `SamplingError` where the U-Net cannot sample such a batch, be guided or sampled so, and `NotFiniteError` where
   * the schedule ends in noise alone (ᾱ = 0, as "jsd" does), from which a predicted noise leads nowhere: the reference
   * computes NaN there.
   */
  check(condScale: number, timesteps: number | null, batch = 1): void {
    const { name } = this;
    this.checkTrained();
    const { numImageTokens } = this.stage.unet;
    if (this.mixesBatch && !canBroadcast(batch, numImageTokens)) {
      throw new SamplingError(
        `${name} was trained with cond_dim equal to image_embed_dim, and so takes a batch of 1 or ${numImageTokens}, not ${batch}.`,
      );
    }
    finiteNumber("condScale", condScale);
    if (condScale !== 1 && !this.decoder.canGuide) {
      throw new SamplingError(
        `${name} was trained without dropping its conditions, so it cannot be guided: condScale must be 1, not ${condScale}.`,
      );
    }
    const count = this.stepCount(timesteps);
    if (!Number.isInteger(count) || count < 1 || count > this.decoder.timesteps) {
      throw new SamplingError(`${name} takes 1 to ${this.decoder.timesteps} sampling steps, not ${count}.`);
    }
    const singular = this.#steps(count).find(({ estimate }) => !Number.isFinite(estimate.x));
    if (!singular) return;
    throw new NotFiniteError(
      `${name}: nothing of the image is left at timestep ${singular.time} of its noise schedule, so a picture cannot be told from predicted noise. Sample with fewer than ${this.decoder.timesteps} steps.`,
    );
  }

  /** How often `sample` evaluates the U-Net; `resampleTimes` where it inpaints. Throws `SamplingError` if it was not trained. */
  evaluations(timesteps: number | null = null, resampleTimes = 1): number {
    this.checkTrained();
    return this.#steps(this.stepCount(timesteps)).length * this.#resampleTimes(resampleTimes);
  }

  /** Samples images f32 `[batch, imageSize, imageSize, channels]` in [0, 1], unclamped. The caller disposes them. */
  async sample(call: Arena, sampling: UnetSampling): Promise<Tensor> {
    const arena = call.withType(this.#dtype);
    const shared = arena.scope(() => this.#shared(arena, sampling));
    try {
      return await this.#sample(arena, { ...sampling, ...shared });
    } finally {
      const { imageEmbed, textEncodings, negative, lowres, known } = shared;
      const conditions = [imageEmbed, textEncodings, negative?.imageEmbed, negative?.textEncodings];
      for (const tensor of [...conditions, lowres, known?.image, known?.mask]) tensor?.dispose();
    }
  }

  async #sample(arena: Arena, sampling: UnetSampling): Promise<Tensor> {
    const { noise, signal, onStep } = sampling;
    const prepared = arena.scope(() => this.#prepare(arena, sampling));
    try {
      const inpainting = this.#inpainting(sampling, prepared);
      const stateNoise = this.#stateNoise(arena, sampling.batch, noise);
      const model = this.#denoiser(arena, sampling, prepared);
      const preview = sampling.preview && this.#preview(sampling.preview, inpainting);
      const x = await denoise(model, { noise: stateNoise, inpainting, signal, onStep, preview });
      try {
        return arena.scope(() => this.#denormalize(inpainting?.compose(x) ?? x.reshape(x.shape)));
      } finally {
        x.dispose();
      }
    } finally {
      prepared.lowres?.dispose();
      prepared.known?.image.dispose();
      prepared.known?.mask.dispose();
    }
  }

  /** The tensors of a call as tensors of the arena of this sampler's type: those of another stage may be stored in another. */
  #shared(arena: Arena, { imageEmbed, textEncodings, negative, lowres, known }: UnetSampling) {
    const shared = (tensor: Tensor | undefined): Tensor | undefined => tensor && arena.share(tensor);
    return {
      imageEmbed: shared(imageEmbed),
      textEncodings: shared(textEncodings),
      negative: negative && {
        ...negative,
        imageEmbed: shared(negative.imageEmbed),
        textEncodings: shared(negative.textEncodings),
      },
      lowres: shared(lowres),
      known: known && { image: arena.share(known.image), mask: arena.share(known.mask) },
    };
  }

  /** Encodes what `sample` would run, for a dry run; its result is a tensor of the right shape without content. */
  rehearse(call: Arena, sampling: Omit<UnetSampling, "noise">): Tensor {
    const arena = call.withType(this.#dtype);
    return arena.scope(() => {
      const silent = { ...sampling, noise: silence };
      const prepared = this.#prepare(arena, silent);
      const inpainting = this.#inpainting(silent, prepared);
      const noise = this.#stateNoise(arena, sampling.batch, silence);
      rehearse(this.#denoiser(arena, silent, prepared), { noise, inpainting });
      const x = noise.draw();
      return this.#denormalize(inpainting?.compose(x) ?? x);
    });
  }

  #prepare(arena: Arena, { batch, lowres, known, timesteps, noise }: UnetSampling): Prepared {
    const { imageSize, unet } = this.stage;
    if (unet.lowresCond && !lowres) {
      throw new SamplingError(`U-Net ${this.index + 1} enlarges an image, and there is none to start from.`);
    }
    return {
      lowres:
        unet.lowresCond && lowres
          ? this.#lowresCondition(lowres, this.stepCount(timesteps), this.#stateNoise(arena, batch, noise))
          : undefined,
      known: known && prepareKnown(known, imageSize, this.decoder.autoNormalizeImg),
    };
  }

  /** The smaller image at this stage's size, normalised, and noised where the U-Net expects that. */
  #lowresCondition(image: Tensor, steps: number, noise: StateNoise): Tensor {
    const { imageSize, unet } = this.stage;
    const { autoNormalizeImg, timesteps } = this.decoder;
    const resized = this.#resizeLowres(image, imageSize, [autoNormalizeImg ? 0 : -1, 1]);
    const forgets = steps < timesteps && this.dialect.sampler.ddimLowresNormalize === "off";
    const normal = autoNormalizeImg && !forgets ? affine(resized, 2, -1) : resized;
    if (!unet.lowresNoiseCond) return normal;
    const schedule = NoiseSchedule.named("linear", LOWRES_NOISE_STEPS);
    const scale = schedule.qSample(this.#lowresNoiseLevel());
    return combine(normal, scale.x0, noise.draw(), scale.noise);
  }

  #lowresNoiseLevel(): number {
    return Math.trunc(this.decoder.lowresNoiseSampleLevel * LOWRES_NOISE_STEPS);
  }

  #inpainting({ resampleTimes }: UnetSampling, { known }: Prepared): Inpainting | undefined {
    return known && new Inpainting(known, this.#schedule(), this.#resampleTimes(resampleTimes));
  }

  /** Versions before RePaint took each step once. */
  #resampleTimes(asked: number): number {
    return this.dialect.sampler.inpaint === "repaint" ? asked : 1;
  }

  #preview({ every, show }: Preview, inpainting: Inpainting | undefined): Preview {
    return {
      every,
      show: async (x0) => {
        using images = x0.arena.scope(() => this.#denormalize(inpainting?.compose(x0) ?? x0.reshape(x0.shape)));
        await show(images);
      },
    };
  }

  #stateNoise(arena: Arena, batch: number, source: NoiseSource): StateNoise {
    const { imageSize } = this.stage;
    return new StateNoise(arena, source, [batch, imageSize, imageSize, this.decoder.channels]);
  }

  #denoiser(arena: Arena, sampling: UnetSampling, { lowres }: Prepared): Denoiser {
    const { batch, imageEmbed, textEncodings, textMask, negative, condScale, timesteps } = sampling;
    const perSample = (value: number): number[] => new Array<number>(batch).fill(value);
    const lowresNoiseLevel = this.stage.unet.lowresNoiseCond ? perSample(this.#lowresNoiseLevel()) : undefined;
    const condition: UnetCondition = {
      imageEmbed,
      textEncodings,
      textMask: textMask ?? this.#textMask,
      negative,
      lowresCondImg: lowres,
      lowresNoiseLevel,
    };
    return {
      arena,
      name: this.name,
      steps: this.#steps(this.stepCount(timesteps)),
      selfCond: this.stage.unet.selfCond,
      predict: (x, time, selfCond) =>
        this.#unet!.forwardWithCondScale(x, perSample(time), { ...condition, selfCond }, condScale),
      estimate: (x, prediction, step) => this.#estimate(x, prediction, step),
    };
  }

  /** Sampling steps where a call asks for this many; null for the U-Net's own number. */
  stepCount(asked: number | null): number {
    return asked ?? this.stage.sampleTimesteps ?? this.decoder.timesteps;
  }

  /** DDPM where every timestep is taken, else DDIM. */
  #steps(count: number): SamplerStep[] {
    const schedule = this.#schedule();
    const { objective, learnedVariance } = this.stage;
    const { timesteps, learnedVarianceConstrainFrac: constrainFrac } = this.decoder;
    if (count === timesteps) {
      return ddpmSteps(schedule, { objective, learnedVariance: learnedVariance ? { constrainFrac } : undefined });
    }
    const { ddimGridDecoder, ddimAlphas, ddimNoiseDecoder, ddimNoiseSign, ddimLastNoise } = this.dialect.sampler;
    const { alphasCumprod, alphasCumprodPrev } = schedule.tables;
    return ddimSteps(schedule, {
      grid: decoderTimeGrid(timesteps, count, ddimGridDecoder),
      objective,
      alphas: ddimAlphas === "cumprod" ? alphasCumprod : alphasCumprodPrev,
      eta: this.#eta,
      epsilon: ddimNoiseDecoder,
      epsilonSign: ddimNoiseSign,
      lastNoise: ddimLastNoise,
    });
  }

  /** The reference clamps to ±1, or dynamically, whatever the network predicts. */
  #estimate(x: Tensor, prediction: Tensor, { estimate }: SamplerStep): Tensor {
    const { useDynamicThres } = this.decoder;
    const x0 = predictX0(x, prediction, {
      scaleX: estimate.x,
      scalePrediction: estimate.prediction,
      limit: useDynamicThres ? undefined : 1,
    });
    return useDynamicThres ? dynamicThreshold(x0, quantile(x0, this.#percentile)) : x0;
  }

  #denormalize(x: Tensor): Tensor {
    return this.decoder.autoNormalizeImg ? affine(x, 0.5, 0.5) : x;
  }
}
