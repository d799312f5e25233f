import { ArgumentError, count } from "../../platform/arguments.js";
import type { PriorOptions } from "./options.js";
import { PriorNetwork, type PriorCondition } from "./prior/prior-network.js";
import type { TextMask } from "./text-mask.js";
import { l2Norm } from "../../ops/norm.js";
import type { Arena } from "../../tensor/arena.js";
import type { ComputeType } from "../../tensor/dtype.js";
import { HeldTensors } from "../../tensor/held-tensors.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Prior, PriorSampling, PriorText } from "../interfaces.js";
import type { TextShape } from "../stage-info.js";
import type { Dialect } from "./dialect/dialect.js";
import type { Weights } from "../../weights/store.js";
import { denoise, type Denoiser } from "../../diffusion/denoise.js";
import { StateNoise, type NoiseSource } from "../../diffusion/noise.js";
import { checkFinite } from "../../diffusion/sampling-error.js";
import type { Process, Sampler } from "../../diffusion/sampler.js";
import type { NoiseSchedule } from "../../diffusion/schedule.js";
import { withDefaults, type AskedSettings, type NetworkSettings } from "../../diffusion/settings.js";
import { guidanceScale, isGuided, NO_GUIDANCE } from "../../diffusion/guidance.js";
import { bestCandidates, repeatMasks, repeatRows } from "../candidates.js";
import { PRIOR_NAME } from "../component.js";
import { priorNetCost } from "./cost.js";
import { priorSampler } from "./samplers.js";
import { scheduleWeights, storedSchedule } from "./stored-schedule.js";

/**
 * The diffusion prior of unCLIP (Ramesh et al. 2022, section 2.2; `DiffusionPrior` of DALLE2-pytorch 1.14.2): samples the
 * CLIP embedding of an image for a text.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1162-L1510
 */
export class DiffusionPrior implements Prior {
  readonly #dtype: ComputeType;
  readonly #network: PriorNetwork;
  readonly #schedule: () => NoiseSchedule;
  readonly #defaultMask: TextMask | undefined;

  /**
   * Declares its weights. Those of the network may have a store of their own. `dialect` is that of the version that trained
   * it.
   */
  constructor(
    weights: Weights,
    readonly options: PriorOptions,
    private readonly dialect: Dialect,
    networkWeights: Weights = weights,
  ) {
    this.#dtype = weights.arena.dtype;
    this.#network = new PriorNetwork(networkWeights.at("net"), options.net, dialect.network);
    if (dialect.sampler.textMaskDefault === "nonZero") this.#defaultMask = "nonZero";
    const place = scheduleWeights(weights, "noise_scheduler", dialect.network);
    this.#schedule = storedSchedule(place, options.betaSchedule, options.timesteps);
    // Trainers saved a CLIP too, which has a file of its own here.
    weights.ignore("clip.");
  }

  get imageEmbedDim(): number {
    return this.options.imageEmbedDim;
  }

  get textShape(): TextShape {
    const { maxTextLen, dim } = this.options.net;
    return [maxTextLen, dim];
  }

  /**
   * Samples image embeddings for texts, `[B, D]` row by row, in the scale of CLIP. `arena` is that of the call; activations
   * have the dtype of the weights. Rejects as `check` throws, and with `ArgumentError` for tensors that do not fit.
   */
  async sample(arena: Arena, sampling: PriorSampling): Promise<Float32Array> {
    const own = arena.withType(this.#dtype);
    const { textEmbed, noise, signal, onStep } = sampling;
    const candidates = count("numSamplesPerBatch", sampling.numSamplesPerBatch ?? 2);
    using held = new HeldTensors(own);
    const condition = held.hold(() => this.#conditions(own, sampling, candidates));
    const model = this.#denoiser(own, sampling, condition);
    const x = await denoise(model, { ...this.#start(own, condition, noise), signal, onStep });
    const embeddings = await this.#finish(own, x);
    return bestCandidates(await textEmbed.read(), embeddings, candidates, this.options.imageEmbedDim);
  }

  /**
   * Throws before anything is computed: `ArgumentError` for an invalid number of steps, `SamplingError` if guidance is not
   * possible.
   */
  check(asked: AskedSettings): void {
    const settings = this.settings(asked);
    this.#scale(settings);
    this.#sampler(settings);
  }

  #scale(settings: NetworkSettings): number {
    return guidanceScale(settings, { name: "This prior", canGuide: this.options.canGuide });
  }

  /** How often `sample` evaluates the network. */
  evaluations(asked: AskedSettings = {}): number {
    return this.#sampler(this.settings(asked)).steps.length;
  }

  cost(asked: AskedSettings = {}): number {
    return priorNetCost(this.options.net) * (isGuided(asked) ? 2 : 1);
  }

  /** The settings asked for, with defaults: no guidance, and the prior's own number of steps. */
  settings(asked: AskedSettings = {}): NetworkSettings {
    const { sampleTimesteps, timesteps } = this.options;
    return withDefaults(asked, { ...NO_GUIDANCE, steps: sampleTimesteps ?? timesteps });
  }

  #conditions(arena: Arena, sampling: PriorSampling, candidates: number): PriorCondition {
    const { negative } = sampling;
    return {
      ...this.#condition(arena, sampling, candidates),
      negative: negative && this.#condition(arena, negative, candidates),
    };
  }

  /** Repeats each text once per candidate. Candidates of a text are side by side. */
  #condition(arena: Arena, { textEmbed, textEncodings, textMask }: PriorText, candidates: number): PriorCondition {
    const [, dim = 0] = textEmbed.shape;
    const { imageEmbedDim, conditionOnTextEncodings } = this.options;
    if (dim !== imageEmbedDim) {
      throw new ArgumentError(
        "textEmbed",
        `textEmbed has ${dim} values, but this prior was trained with ${imageEmbedDim}.`,
        { code: "argument/mismatch" },
      );
    }
    if (conditionOnTextEncodings && !textEncodings) {
      throw new ArgumentError("textEncodings", "This prior was trained with text encodings: pass textEncodings.", {
        code: "argument/missing",
      });
    }
    const embed = repeatRows(arena.share(textEmbed), candidates);
    if (!conditionOnTextEncodings || !textEncodings) return { textEmbed: embed };
    const mask = textMask ?? this.#defaultMask;
    return {
      textEmbed: embed,
      textEncodings: repeatRows(arena.share(textEncodings), candidates),
      textMask: typeof mask === "object" ? repeatMasks(mask, candidates) : mask,
    };
  }

  #start(arena: Arena, { textEmbed }: PriorCondition, source: NoiseSource) {
    const noise = new StateNoise(arena, source, [textEmbed.shape[0]!, this.options.imageEmbedDim]);
    return this.options.initImageEmbedL2norm ? { noise, start: (x: Tensor) => this.#clampNorm(x) } : { noise };
  }

  #denoiser(arena: Arena, sampling: PriorSampling, condition: PriorCondition): Denoiser {
    const { net, predictXStart, samplingClampL2norm } = this.options;
    const settings = this.settings(sampling);
    const scale = this.#scale(settings);
    const batch = condition.textEmbed.shape[0]!;
    const laterMask = isGuided(settings) ? this.#maskAfterGuidance(condition) : undefined;
    const network = this.#network;
    return {
      arena,
      name: PRIOR_NAME,
      process: this.#process(),
      sampler: this.#sampler(settings),
      selfCond: net.selfCond,
      prepare: (inputs, times) => {
        const prepared = network.prepare(inputs, { batch, times, condition, laterMask }, scale);
        return (x, selfCond) => network.forward(x, prepared, selfCond);
      },
      x0Limit: predictXStart ? undefined : 1,
      limitX0: predictXStart && samplingClampL2norm ? (x0) => this.#clampNorm(x0) : undefined,
    };
  }

  /** The mask after a guided step: some versions dropped the text in the caller's own mask, permanently. */
  #maskAfterGuidance({ textMask }: PriorCondition): TextMask | undefined {
    if (this.dialect.sampler.priorCfgMask === "fresh") return undefined;
    return typeof textMask === "object" ? textMask.map((row) => row.map(() => 0)) : textMask;
  }

  #process(): Process {
    return { schedule: this.#schedule(), objective: this.options.objective };
  }

  #sampler({ steps: count, sampler }: NetworkSettings): Sampler {
    return priorSampler(sampler, { process: this.#process(), count, dialect: this.dialect.sampler });
  }

  /** Embeddings are multiplied by `imageEmbedScale` inside the process, so that their size is like that of unit noise. */
  #clampNorm(x: Tensor): Tensor {
    return l2Norm(x, { scale: this.options.imageEmbedScale });
  }

  /** Reads and frees the sample, scaled back to CLIP's scale. */
  async #finish(arena: Arena, x: Tensor): Promise<Float32Array> {
    const { predictXStart, samplingFinalClampL2norm, imageEmbedScale } = this.options;
    const clamps = predictXStart && samplingFinalClampL2norm;
    using state = x;
    using clamped = clamps ? arena.scope(() => this.#clampNorm(state)) : state;
    const values = await clamped.read();
    checkFinite({ component: PRIOR_NAME, dtype: arena.dtype, what: "an image embedding" }, values);
    return values.map((value) => value / imageEmbedScale);
  }
}
