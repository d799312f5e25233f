import { ArgumentError } from "../../platform/arguments.js";
import type { DecoderOptions, DecoderStage } from "./options.js";
import type { NegativeCondition, UnetCondition } from "./unet/conditioning.js";
import { canBroadcast } from "./unet/image-condition.js";
import type { TextMask } from "./text-mask.js";
import { Unet } from "./unet/unet.js";
import { affine, combine, scaleBy } from "../../ops/elementwise.js";
import { cast } from "../../ops/layout.js";
import { quantile } from "../../ops/reduce.js";
import { dynamicThreshold } from "../../ops/sampler.js";
import type { Arena } from "../../tensor/arena.js";
import { HeldTensors } from "../../tensor/held-tensors.js";
import type { ComputeType } from "../../tensor/dtype.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { CascadeStage, StageRun } from "../interfaces.js";
import type { StageInfo } from "../stage-info.js";
import type { Dialect } from "./dialect/dialect.js";
import type { Weights } from "../../weights/store.js";
import { denoise, type Denoiser, type OnStep, type Preview } from "../../diffusion/denoise.js";
import { startFromImage } from "../../diffusion/init-image.js";
import { Inpainting, prepareKnown, type Known } from "../../diffusion/inpaint.js";
import { lowresResizeOf, type LowresResize } from "./lowres.js";
import { StateNoise, type NoiseSource } from "../../diffusion/noise.js";
import { NotFiniteError, SamplingError } from "../../diffusion/sampling-error.js";
import { lastSteps, stepsOfStrength, type Process, type Sampler } from "../../diffusion/sampler.js";
import { NoiseSchedule } from "../../diffusion/schedule.js";
import { withDefaults, type AskedSettings, type NetworkSettings } from "../../diffusion/settings.js";
import { guidanceScale, isGuided, UNGUIDED } from "../../diffusion/guidance.js";
import { unetCost } from "./cost.js";
import { defaultSampler, unetSampler } from "./samplers.js";
import type { DecoderSchedules } from "./stored-schedule.js";

/** Low-resolution images are noised by a linear schedule of this many steps, whatever the model's own is. */
const LOWRES_NOISE_STEPS = 1000;

export interface UnetSampling extends NetworkSettings {
  /** How often each step is taken where it inpaints. */
  readonly resampleTimes: number;
  readonly batch: number;
  readonly imageEmbed?: Tensor | undefined;
  readonly textEncodings?: Tensor | undefined;
  readonly textMask?: TextMask | undefined;
  /** What guidance leads away from; default: what was learned for dropped conditions. */
  readonly negative?: NegativeCondition | undefined;
  /** Image of the stage before, f32 NHWC, which an upsampler starts from. */
  readonly lowres?: Tensor | undefined;
  readonly known?: Known | undefined;
  /** Image to start from, f32 NHWC in [0, 1] at this stage's size, and the share of the steps that is run then. */
  readonly initImage?: Tensor | undefined;
  readonly strength?: number | undefined;
  readonly noise: NoiseSource;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: OnStep | undefined;
  /** Takes predicted x0 as images like those that `sample` returns. */
  readonly preview?: Preview | undefined;
}

/** What a run computes once, before its first step. */
interface Prepared {
  readonly lowres: Tensor | undefined;
  readonly known: Known | undefined;
  /** In the space of the sampler. */
  readonly initImage: Tensor | undefined;
}

/**
 * One stage of a decoder's cascade: a U-Net and the sampler that it was trained for.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2829-L3030
 */
export class UnetSampler implements CascadeStage {
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

  get info(): StageInfo {
    const { name, stage, isTrained } = this;
    const { condOnTextEncodings: takesText, condOnImageEmbeds: takesImageEmbed, ...unet } = stage.unet;
    return {
      name,
      imageSize: stage.imageSize,
      takesText,
      takesImageEmbed,
      textShape: takesText ? [unet.maxTextLen, unet.textEmbedDim!] : undefined,
      imageEmbedDim: takesImageEmbed ? unet.imageEmbedDim! : undefined,
      isTrained,
      components: [name],
    };
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
    throw new SamplingError(`${this.name} was not trained: the checkpoint holds no weights of it.`, {
      advice: "Start at a later U-Net, from an image, or stop at an earlier one (startAtUnetNumber, stopAtUnetNumber).",
    });
  }

  /**
   * Throws `ArgumentError` for steps that the U-Net has not, `SamplingError` where it cannot take such a batch, be guided,
   * sampled or inpaint so, and `NotFiniteError` where the schedule ends in noise alone (ᾱ = 0, as "jsd" does), from which
   * a predicted noise leads nowhere: the reference computes NaN there.
   */
  check(settings: NetworkSettings, batch = 1, inpaints = false): void {
    const { name } = this;
    this.checkTrained();
    const { numImageTokens } = this.stage.unet;
    if (this.mixesBatch && !canBroadcast(batch, numImageTokens)) {
      throw new SamplingError(
        `${name} was trained with cond_dim equal to image_embed_dim, and so takes a batch of 1 or ${numImageTokens}, not ${batch}.`,
      );
    }
    guidanceScale(settings, { name, canGuide: this.decoder.canGuide });
    const { steps: count } = settings;
    if (!Number.isInteger(count) || count < 1 || count > this.decoder.timesteps) {
      throw new ArgumentError("steps", `steps must be 1 to ${this.decoder.timesteps} for ${name}, not ${count}.`, {
        code: "argument/out-of-range",
      }).locate({ component: name });
    }
    const process = this.#process();
    const sampler = this.#sampler(settings);
    if (inpaints && !sampler.canGoBack) {
      throw new SamplingError(
        `${name} cannot inpaint with the sampler "${settings.sampler ?? defaultSampler({ process, count })}": each of its steps builds on the one before, and inpainting (RePaint) goes back in time. Use the sampler "ddim" or "ddpm".`,
      );
    }
    const { schedule, objective } = process;
    const singular = sampler.steps.find(({ time }) => !Number.isFinite(schedule.x0From(objective, time).x));
    if (!singular) return;
    throw new NotFiniteError(
      `${name}: nothing of the image is left at timestep ${singular.time} of its noise schedule, so an image cannot be told from predicted noise.`,
      // Other samplers begin at the last timestep however few steps they take.
      { advice: `Use the sampler "ddim" with fewer than ${this.decoder.timesteps - 1} steps.` },
    );
  }

  /** How often `sample` evaluates the U-Net. Throws `SamplingError` if it was not trained. */
  evaluations(asked: AskedSettings = {}, { resampleTimes = 1, strength }: StageRun = {}): number {
    this.checkTrained();
    const sampler = this.#sampler({ ...this.settings(asked), strength });
    return sampler.steps.length * this.#resampleTimes(resampleTimes);
  }

  cost(asked: AskedSettings = {}): number {
    const { unet, imageSize } = this.stage;
    return unetCost(unet, imageSize) * (isGuided(asked) ? 2 : 1);
  }

  /**
   * Samples images f32 `[batch, imageSize, imageSize, channels]` in [0, 1], unclamped. The caller disposes them. `arena` is
   * that of the call; what is computed is stored in the type of the weights.
   */
  async sample(arena: Arena, sampling: UnetSampling): Promise<Tensor> {
    const own = arena.withType(this.#dtype);
    using held = new HeldTensors(own);
    const condition = held.hold(() => this.#shared(own, sampling));
    const prepared = held.hold(() => this.#prepare(own, { ...sampling, ...condition }));
    const inpainting = this.#inpainting(sampling, prepared);
    const { noise: source, signal, onStep, batch } = sampling;
    const preview = sampling.preview && this.#preview(own, sampling.preview, inpainting);
    const noise = this.#stateNoise(own, batch, source);
    const model = this.#denoiser(own, { ...sampling, ...condition }, prepared);
    const [firstStep] = model.sampler.steps;
    // So low a strength leaves no step.
    if (!firstStep) return own.scope(() => scaleBy(condition.initImage!, 1));
    const start = prepared.initImage && startFromImage(prepared.initImage, this.#schedule(), firstStep.time);
    using x = await denoise(model, { noise, start, inpainting, signal, onStep, preview });
    return own.scope(() => this.#denormalize(inpainting?.compose(x) ?? x.reshape(x.shape)));
  }

  /** The tensors of a call as tensors of this sampler's arena: those of another stage may be stored in another type there. */
  #shared(arena: Arena, { imageEmbed, textEncodings, negative, lowres, known, initImage }: UnetSampling) {
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
      initImage: shared(initImage),
      known: known && { image: arena.share(known.image), mask: arena.share(known.mask) },
    };
  }

  #prepare(arena: Arena, { batch, lowres, known, initImage, strength = 1, steps, noise }: UnetSampling): Prepared {
    const { imageSize, unet } = this.stage;
    if (unet.lowresCond && !lowres) {
      throw new ArgumentError("image", `${this.name} enlarges an image, and there is none to start from.`, {
        code: "argument/missing",
      });
    }
    return {
      lowres:
        unet.lowresCond && lowres
          ? // As the U-Net takes it: nothing else is kept of it during the run.
            cast(this.#lowresCondition(lowres, steps, this.#stateNoise(arena, batch, noise)), arena.dtype)
          : undefined,
      known: known && prepareKnown(known, imageSize, this.decoder.autoNormalizeImg),
      // A run of all steps starts from noise alone.
      initImage: initImage && strength < 1 ? this.#normalize(initImage) : undefined,
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

  #preview(arena: Arena, { every, show }: Preview, inpainting: Inpainting | undefined): Preview {
    return {
      every,
      show: async (x0) => {
        using images = arena.scope(() => this.#denormalize(inpainting?.compose(x0) ?? x0.reshape(x0.shape)));
        await show(images);
      },
    };
  }

  #stateNoise(arena: Arena, batch: number, source: NoiseSource): StateNoise {
    const { imageSize } = this.stage;
    return new StateNoise(arena, source, [batch, imageSize, imageSize, this.decoder.channels]);
  }

  #denoiser(arena: Arena, sampling: UnetSampling, { lowres }: Prepared): Denoiser {
    const { batch, imageEmbed, textEncodings, textMask, negative } = sampling;
    const hasLevel = this.stage.unet.lowresNoiseCond;
    const condition: UnetCondition = {
      imageEmbed,
      textEncodings,
      textMask: textMask ?? this.#textMask,
      negative,
      lowresCondImg: lowres,
      lowresNoiseLevel: hasLevel ? new Array<number>(batch).fill(this.#lowresNoiseLevel()) : undefined,
    };
    const unet = this.#unet!;
    const scale = guidanceScale(sampling, { name: this.name, canGuide: this.decoder.canGuide });
    const { useDynamicThres } = this.decoder;
    return {
      arena,
      name: this.name,
      process: this.#process(),
      sampler: this.#sampler(sampling),
      selfCond: this.stage.unet.selfCond,
      prepare: (inputs, times) => {
        const prepared = unet.prepare(inputs, { batch, times, condition }, scale);
        return (x, selfCond) => unet.forward(x, prepared, selfCond);
      },
      // The reference clamps to ±1, or dynamically, whatever the network predicts.
      x0Limit: useDynamicThres ? undefined : 1,
      limitX0: useDynamicThres ? (x0) => dynamicThreshold(x0, quantile(x0, this.#percentile)) : undefined,
    };
  }

  /** What is asked for, and of what is not: no guidance, and the U-Net's own number of steps. */
  settings(asked: AskedSettings = {}): NetworkSettings {
    return withDefaults(asked, { ...UNGUIDED, steps: this.stage.sampleTimesteps ?? this.decoder.timesteps });
  }

  #process(): Process {
    return { schedule: this.#schedule(), objective: this.stage.objective };
  }

  #sampler({ sampler: name, steps: count, strength = 1 }: NetworkSettings & Pick<StageRun, "strength">): Sampler {
    const { learnedVarianceConstrainFrac: constrainFrac } = this.decoder;
    const sampler = unetSampler(name, {
      process: this.#process(),
      count,
      dialect: this.dialect.sampler,
      eta: this.#eta,
      learnedVariance: this.stage.learnedVariance ? { constrainFrac } : undefined,
    });
    return strength < 1 ? lastSteps(sampler, stepsOfStrength(sampler.steps.length, strength)) : sampler;
  }

  #normalize(x: Tensor): Tensor {
    return this.decoder.autoNormalizeImg ? affine(x, 2, -1) : x.reshape(x.shape);
  }

  #denormalize(x: Tensor): Tensor {
    return this.decoder.autoNormalizeImg ? affine(x, 0.5, 0.5) : x;
  }
}
