import { ArgumentError, count } from "../../../platform/arguments.js";
import type { Arena } from "../../../tensor/arena.js";
import type { ComputeType } from "../../../tensor/dtype.js";
import { HeldTensors } from "../../../tensor/held-tensors.js";
import type { Weights } from "../../../weights/store.js";
import { denoise, type DenoiseOptions, type Denoiser } from "../../../diffusion/denoise.js";
import { guidanceScale, isGuided } from "../../../diffusion/guidance.js";
import { StateNoise } from "../../../diffusion/noise.js";
import { checkFinite } from "../../../diffusion/sampling-error.js";
import { startFromImage } from "../../../diffusion/init-image.js";
import type { Sampler } from "../../../diffusion/sampler.js";
import { concatBatch } from "../../../ops/layout.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { withDefaults, type AskedSettings, type NetworkSettings } from "../../../diffusion/settings.js";
import { bestCandidates, repeatMasks, repeatRows } from "../../candidates.js";
import { PRIOR_NAME } from "../../component.js";
import type { Prior, PriorRun, PriorSampling, PriorText } from "../../interfaces.js";
import type { TextShape } from "../../stage-info.js";
import type { PriorOptions } from "../config/prior-config.js";
import { priorCost } from "../cost.js";
import { NULL_TEXT } from "../null-text.js";
import { PriorTransformer, type PriorCondition } from "./prior-transformer.js";
import type { Scheduler } from "../scheduler/scheduler.js";
import { startedSampler } from "../scheduler/started-sampler.js";

/** The parts of a prior beside its weights, and what a call of its pipeline uses if it says nothing else. */
export interface UnclipPriorOptions {
  readonly network: PriorOptions;
  readonly scheduler: Scheduler;
  readonly defaults: NetworkSettings;
  /** See `Prior`. Default false. */
  readonly embedsNegative?: boolean | undefined;
  readonly takesInitEmbed?: boolean | undefined;
  /** Default true. */
  readonly takesNegative?: boolean | undefined;
}

/**
 * The prior of diffusers' unCLIP pipelines (Ramesh et al. 2022, section 2.2): samples the CLIP embedding of an image for a text.
 * The null branch of guidance has the empty text, which callers encode and pass as `negative`.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/unclip/pipeline_unclip.py#L307-L358
 */
export class UnclipPrior implements Prior {
  readonly nullText = NULL_TEXT;
  readonly numSamplesPerBatch = 1;
  readonly #dtype: ComputeType;
  readonly #network: PriorTransformer;

  /** Declares its weights. */
  constructor(
    weights: Weights,
    private readonly options: UnclipPriorOptions,
  ) {
    this.#dtype = weights.arena.dtype;
    this.#network = new PriorTransformer(weights, options.network);
  }

  get imageEmbedDim(): number {
    return this.options.network.embedDim;
  }

  get textEmbedDim(): number {
    return this.options.network.textEmbedDim;
  }

  get textShape(): TextShape {
    const { textTokens, projectsText, embedDim, heads, dimHead } = this.options.network;
    return [textTokens, projectsText ? embedDim : heads * dimHead];
  }

  /** The settings asked for, with the reference's defaults. */
  settings(asked: AskedSettings = {}): NetworkSettings {
    return withDefaults(asked, this.options.defaults);
  }

  get embedsNegative(): boolean {
    return this.options.embedsNegative ?? false;
  }

  get takesNegative(): boolean {
    return this.options.takesNegative ?? true;
  }

  get takesInitEmbed(): boolean {
    return this.options.takesInitEmbed ?? false;
  }

  /**
   * Throws before anything is computed: `ArgumentError` for an invalid number of steps, or a strength that leaves none;
   * `SamplingError` for DDIM.
   */
  check(asked: AskedSettings, run?: PriorRun): void {
    const settings = this.settings(asked);
    guidanceScale(settings, { name: "This prior", canGuide: true });
    this.#sampler(settings, run);
  }

  evaluations(asked: AskedSettings = {}, run?: PriorRun): number {
    return this.#sampler(this.settings(asked), run).steps.length;
  }

  cost(asked: AskedSettings = {}): number {
    return priorCost(this.options.network) * (isGuided(this.settings(asked)) ? 2 : 1);
  }

  /**
   * Samples image embeddings for texts, `[B, D]` row by row, in the scale of CLIP; with `embedsNegative` those of the negative
   * prompts behind them. Rejects as `check` throws, and with `ArgumentError` if a guided call has no `negative`, or for a call
   * that the pipeline does not have.
   */
  async sample(arena: Arena, sampling: PriorSampling): Promise<Float32Array> {
    const own = arena.withType(this.#dtype);
    const { noise, signal, onStep, embedsNegative = false } = sampling;
    const candidates = count("numSamplesPerBatch", sampling.numSamplesPerBatch ?? this.numSamplesPerBatch);
    this.#checkCall(sampling);
    using held = new HeldTensors(own);
    const inputs = held.hold(() => inputsOf(own, sampling, candidates));
    const { denoiser, start } = this.#denoiser(own, sampling, inputs);
    const { imageEmbedDim: dim } = this;
    const rows = inputs.condition.textEmbed.shape[0]!;
    const state = new StateNoise(own, noise, [rows, dim], embedsNegative ? 2 : 1);
    using x = await denoise(denoiser, { noise: state, start, signal, onStep });
    const values = this.#network.unnormalize(await x.read());
    checkFinite({ component: PRIOR_NAME, dtype: held.arena.dtype, what: "an image embedding" }, values);
    return candidates === 1 ? values : bestCandidates(await inputs.texts.read(), values, candidates, dim);
  }

  /** Throws for a call that lacks something, or that the pipeline does not have. */
  #checkCall(sampling: PriorSampling): void {
    const settings = this.settings(sampling);
    this.check(settings, runOf(sampling));
    const { negative, embedsNegative = false, initEmbed } = sampling;
    const needsText = isGuided(settings) || embedsNegative;
    if (needsText && !negative) {
      const message = `Guidance of this prior needs a text to guide away from: pass negative, the encoded text ${JSON.stringify(NULL_TEXT)}.`;
      throw new ArgumentError("negative", message, { code: "argument/missing" });
    }
    const refused = {
      embedsNegative: embedsNegative && !this.embedsNegative,
      initEmbed: initEmbed && !this.takesInitEmbed,
    };
    for (const [name, isRefused] of Object.entries(refused)) {
      if (isRefused) throw new ArgumentError(name, `This prior takes no ${name}.`, { code: "argument/no-effect" });
    }
  }

  /** The network and sampler of a call, and what makes its first state of noise. */
  #denoiser(
    arena: Arena,
    sampling: PriorSampling,
    { condition, negative, initEmbed }: PriorInputs,
  ): { readonly denoiser: Denoiser; readonly start: DenoiseOptions["start"] } {
    const { scheduler } = this.options;
    const settings = this.settings(sampling);
    const network = this.#network;
    const batch = condition.textEmbed.shape[0]!;
    const sampler = this.#sampler(settings, runOf(sampling));
    const denoiser: Denoiser = {
      arena,
      name: PRIOR_NAME,
      process: scheduler.process,
      sampler,
      selfCond: false,
      x0Limit: scheduler.x0Limit,
      limitX0: scheduler.limitX0,
      prepare: (inputs, times) => {
        const prepared = network.prepare(inputs, { batch, times, condition, negative }, settings.condScale);
        return (x) => network.forward(x, prepared);
      },
    };
    const { schedule } = scheduler.process;
    return { denoiser, start: initEmbed && startFromImage(initEmbed, schedule, sampler.steps[0]!.timestep) };
  }

  #sampler({ sampler: name, steps }: NetworkSettings, { strength = 1 }: PriorRun = {}): Sampler {
    return startedSampler(this.options.scheduler.sampler(name, steps, PRIOR_NAME), strength, PRIOR_NAME);
  }
}

/** What decides how many steps a call has. */
function runOf({ initEmbed, strength }: PriorSampling): PriorRun {
  return initEmbed ? { strength } : {};
}

/** What a run reads. With embeddings of negative prompts, these are behind the texts. */
interface PriorInputs {
  /** The embeddings of the texts, without candidates. */
  readonly texts: Tensor;
  readonly condition: PriorCondition;
  readonly negative: PriorCondition | undefined;
  readonly initEmbed: Tensor | undefined;
}

/**
 * The inputs of a run, for each candidate. Negative prompts that get an embedding are guided by themselves, so that guidance
 * changes nothing there.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/kandinsky2_2/pipeline_kandinsky2_2_prior.py#L461-L549
 */
function inputsOf(arena: Arena, sampling: PriorSampling, candidates: number): PriorInputs {
  const { negative, initEmbed, embedsNegative = false } = sampling;
  const repeated = (text: PriorText): PriorCondition => conditionOf(arena, text, candidates);
  const texts = arena.share(sampling.textEmbed);
  const condition = repeated(sampling);
  const other = negative && repeated(negative);
  const start = initEmbed && repeatRows(arena.share(initEmbed), candidates);
  if (!embedsNegative || !other) return { texts, condition, negative: other, initEmbed: start };
  return {
    texts: concatBatch(texts, negative.textEmbed),
    condition: joined(condition, other),
    negative: joined(other, other),
    initEmbed: start && (start.shape[0] === texts.shape[0]! * candidates ? concatBatch(start, start) : start),
  };
}

/** The texts of two batches, one behind the other. */
function joined(first: PriorCondition, second: PriorCondition): PriorCondition {
  const { textEncodings } = second;
  return {
    textEmbed: concatBatch(first.textEmbed, second.textEmbed),
    textEncodings: first.textEncodings && textEncodings && concatBatch(first.textEncodings, textEncodings),
    textMask: first.textMask && second.textMask && [...first.textMask, ...second.textMask],
  };
}

/** A text, repeated for each candidate. */
function conditionOf(
  arena: Arena,
  { textEmbed, textEncodings, textMask }: PriorText,
  candidates: number,
): PriorCondition {
  return {
    textEmbed: repeatRows(arena.share(textEmbed), candidates),
    textEncodings: textEncodings && repeatRows(arena.share(textEncodings), candidates),
    textMask: repeatMasks(textMask, candidates),
  };
}
