import { ArgumentError, count } from "../../../platform/arguments.js";
import type { Arena } from "../../../tensor/arena.js";
import type { ComputeType } from "../../../tensor/dtype.js";
import { HeldTensors } from "../../../tensor/held-tensors.js";
import type { Weights } from "../../../weights/store.js";
import { denoise, type Denoiser } from "../../../diffusion/denoise.js";
import { guidanceScale, isGuided } from "../../../diffusion/guidance.js";
import { StateNoise } from "../../../diffusion/noise.js";
import { checkFinite } from "../../../diffusion/sampling-error.js";
import type { Sampler } from "../../../diffusion/sampler.js";
import { withDefaults, type AskedSettings, type NetworkSettings } from "../../../diffusion/settings.js";
import { bestCandidates, repeatMasks, repeatRows } from "../../candidates.js";
import { PRIOR_NAME } from "../../component.js";
import type { Prior, PriorSampling, PriorText } from "../../interfaces.js";
import type { TextShape } from "../../stage-info.js";
import type { PriorOptions } from "../config/prior-config.js";
import { priorCost } from "../cost.js";
import { NULL_TEXT } from "../null-text.js";
import { PriorTransformer, type PriorCondition } from "./prior-transformer.js";
import type { Scheduler } from "../scheduler/scheduler.js";

/** The parts of a prior beside its weights, and what a call of its pipeline uses if it says nothing else. */
export interface UnclipPriorOptions {
  readonly network: PriorOptions;
  readonly scheduler: Scheduler;
  readonly defaults: NetworkSettings;
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

  /** Throws before anything is computed: `ArgumentError` for an invalid number of steps, `SamplingError` for DDIM. */
  check(asked: AskedSettings): void {
    const settings = this.settings(asked);
    guidanceScale(settings, { name: "This prior", canGuide: true });
    this.#sampler(settings);
  }

  evaluations(asked: AskedSettings = {}): number {
    return this.#sampler(this.settings(asked)).steps.length;
  }

  cost(asked: AskedSettings = {}): number {
    return priorCost(this.options.network) * (isGuided(this.settings(asked)) ? 2 : 1);
  }

  /**
   * Samples image embeddings for texts, `[B, D]` row by row, in the scale of CLIP. Rejects as `check` throws, and with
   * `ArgumentError` if a guided call has no `negative`.
   */
  async sample(arena: Arena, sampling: PriorSampling): Promise<Float32Array> {
    const own = arena.withType(this.#dtype);
    const { textEmbed, noise, signal, onStep } = sampling;
    const candidates = count("numSamplesPerBatch", sampling.numSamplesPerBatch ?? this.numSamplesPerBatch);
    const { imageEmbedDim: dim } = this;
    const rows = textEmbed.shape[0]! * candidates;
    const model = this.#denoiser(own, sampling, candidates);
    using held = model.held;
    const state = new StateNoise(own, noise, [rows, dim]);
    using x = await denoise(model.denoiser, { noise: state, signal, onStep });
    const values = this.#network.unnormalize(await x.read());
    checkFinite({ component: PRIOR_NAME, dtype: held.arena.dtype, what: "an image embedding" }, values);
    return candidates === 1 ? values : bestCandidates(await textEmbed.read(), values, candidates, dim);
  }

  /** The network and sampler of a call, and the tensors that they read. */
  #denoiser(
    arena: Arena,
    sampling: PriorSampling,
    candidates: number,
  ): { readonly denoiser: Denoiser; readonly held: HeldTensors } {
    const settings = this.settings(sampling);
    this.check(settings);
    const { negative } = sampling;
    if (isGuided(settings) && !negative) {
      const message = `Guidance of this prior needs a text to guide away from: pass negative, the encoded text ${JSON.stringify(NULL_TEXT)}.`;
      throw new ArgumentError("negative", message, { code: "argument/missing" });
    }
    const held = new HeldTensors(arena);
    const conditions = held.hold(() => ({
      condition: conditionOf(arena, sampling, candidates),
      negative: negative && conditionOf(arena, negative, candidates),
    }));
    const network = this.#network;
    const batch = conditions.condition.textEmbed.shape[0]!;
    const denoiser: Denoiser = {
      arena,
      name: PRIOR_NAME,
      process: this.options.scheduler.process,
      sampler: this.#sampler(settings),
      selfCond: false,
      x0Limit: this.options.scheduler.x0Limit,
      prepare: (inputs, times) => {
        const prepared = network.prepare(inputs, { batch, times, ...conditions }, settings.condScale);
        return (x) => network.forward(x, prepared);
      },
    };
    return { denoiser, held };
  }

  #sampler({ sampler, steps }: NetworkSettings): Sampler {
    return this.options.scheduler.sampler(sampler, steps, PRIOR_NAME);
  }
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
