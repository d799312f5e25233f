import { count, finiteNumber } from "../../platform/arguments.js";
import type { PriorOptions } from "./options.js";
import { PriorNetwork, type PriorCondition, type TextMask } from "./prior/prior-network.js";
import { scaleBy } from "../../ops/elementwise.js";
import { concatTokens } from "../../ops/layout.js";
import { l2Norm } from "../../ops/norm.js";
import { predictX0 } from "../../ops/sampler.js";
import type { Arena } from "../../tensor/arena.js";
import type { ComputeType } from "../../tensor/dtype.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Dialect } from "./dialect/dialect.js";
import type { Weights } from "../../weights/store.js";
import { ddimSteps } from "../../diffusion/ddim.js";
import { ddpmSteps } from "../../diffusion/ddpm.js";
import { denoise, rehearse, type Denoiser, type OnStep, type SamplerStep } from "../../diffusion/denoise.js";
import { silence, StateNoise, type NoiseSource } from "../../diffusion/noise.js";
import { checkFinite, SamplingError } from "../../diffusion/sampling-error.js";
import type { NoiseSchedule } from "../../diffusion/schedule.js";
import { schedulePlace, storedSchedule } from "./stored-schedule.js";
import { priorTimeGrid } from "../../diffusion/time-grid.js";

/** As messages call it. */
export const PRIOR_NAME = "the prior";

/** Texts as the prior takes them. */
export interface PriorText {
  /** `[B, D]`, as CLIP gives it. */
  readonly textEmbed: Tensor;
  /** `[B, L, D]`, zero where there is no text. Ignored by a prior that was trained without. */
  readonly textEncodings?: Tensor | undefined;
  /** For each text 1 or 0 for each of its encodings, 0 being padding; default: rows of zeros are. Only priors of versions before 0.22.0 read it. */
  readonly textMask?: TextMask | undefined;
}

export interface PriorSampling extends PriorText {
  /** What guidance leads away from, for as many texts; default: what was learned for dropped conditions. */
  readonly negative?: PriorText | undefined;
  /** Strength of guidance; 1, the default, is none. */
  readonly condScale?: number | undefined;
  /** Candidates for each text, of which the one most similar to the text is kept. Default 2. */
  readonly numSamplesPerBatch?: number | undefined;
  /** Number of sampling steps; default: the prior's own. */
  readonly timesteps?: number | undefined;
  readonly noise: NoiseSource;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: OnStep | undefined;
}

/**
 * The diffusion prior of unCLIP (Ramesh et al. 2022, section 2.2; `DiffusionPrior` of DALLE2-pytorch 1.14.2): samples the
 * CLIP embedding of an image that a text describes.
 */
export class DiffusionPrior {
  /** What it computes in. */
  readonly #dtype: ComputeType;
  readonly #network: PriorNetwork;
  readonly #schedule: () => NoiseSchedule;
  readonly #defaultMask: TextMask | undefined;

  /** Declares its weights; those of the network may have a store of their own. `dialect` is that of the version that trained it. */
  constructor(
    weights: Weights,
    readonly options: PriorOptions,
    private readonly dialect: Dialect,
    networkWeights: Weights = weights,
  ) {
    this.#dtype = weights.arena.dtype;
    this.#network = new PriorNetwork(networkWeights.at("net"), options.net, dialect.network);
    if (dialect.sampler.textMaskDefault === "nonZero") this.#defaultMask = "nonZero";
    const place = schedulePlace(weights, "noise_scheduler", dialect.network);
    this.#schedule = storedSchedule(place, options.betaSchedule, options.timesteps);
    // Trainers saved a CLIP beside it, which has a file of its own.
    weights.ignore("clip.");
  }

  /** Image embeddings for texts, `[B, D]` row by row, in the scale of CLIP. Throws `SamplingError` for bad arguments. */
  async sample(call: Arena, sampling: PriorSampling): Promise<Float32Array> {
    const arena = call.withType(this.#dtype);
    const { textEmbed, noise, signal, onStep } = sampling;
    const candidates = count("numSamplesPerBatch", sampling.numSamplesPerBatch ?? 2);
    const condition = arena.scope(() => this.#conditions(arena, sampling, candidates));
    try {
      const model = this.#denoiser(arena, sampling, condition);
      const x = await denoise(model, { ...this.#start(arena, condition, noise), signal, onStep });
      const embeddings = await this.#finish(x);
      return best(await textEmbed.read(), embeddings, candidates, this.options.imageEmbedDim);
    } finally {
      for (const text of [condition, condition.negative]) {
        text?.textEmbed.dispose();
        text?.textEncodings?.dispose();
      }
    }
  }

  /** How often `sample` evaluates the network. */
  evaluations(timesteps?: number): number {
    return this.#steps(timesteps ?? this.options.sampleTimesteps).length;
  }

  /** Encodes what `sample` would run, for a dry run. */
  rehearse(call: Arena, sampling: Omit<PriorSampling, "noise">): void {
    const arena = call.withType(this.#dtype);
    arena.scope(() => {
      const condition = this.#conditions(arena, sampling, sampling.numSamplesPerBatch ?? 2);
      rehearse(this.#denoiser(arena, sampling, condition), this.#start(arena, condition, silence));
    });
  }

  #conditions(arena: Arena, sampling: Omit<PriorSampling, "noise">, candidates: number): PriorCondition {
    const { negative } = sampling;
    return {
      ...this.#condition(arena, sampling, candidates),
      negative: negative && this.#condition(arena, negative, candidates),
    };
  }

  /** Each text once per candidate, candidates of a text side by side. */
  #condition(arena: Arena, { textEmbed, textEncodings, textMask }: PriorText, candidates: number): PriorCondition {
    const [batch = 0, dim = 0] = textEmbed.shape;
    const { imageEmbedDim, conditionOnTextEncodings } = this.options;
    if (dim !== imageEmbedDim) {
      throw new SamplingError(`The text embedding has ${dim} values; this prior was trained with ${imageEmbedDim}.`);
    }
    if (conditionOnTextEncodings && !textEncodings) {
      throw new SamplingError("This prior was trained with text encodings; pass textEncodings.");
    }
    const repeated = (x: Tensor, shape: readonly number[]): Tensor =>
      concatTokens(new Array<Tensor>(candidates).fill(x)).reshape(shape);
    const rows = batch * candidates;
    const embed = repeated(arena.share(textEmbed).reshape([batch, 1, dim]), [rows, dim]);
    if (!conditionOnTextEncodings || !textEncodings) return { textEmbed: embed };
    const mask = textMask ?? this.#defaultMask;
    return {
      textEmbed: embed,
      textEncodings: repeated(arena.share(textEncodings), [rows, ...textEncodings.shape.slice(1)]),
      textMask: mapRows(mask, (row) => new Array<typeof row>(candidates).fill(row)),
    };
  }

  #start(arena: Arena, { textEmbed }: PriorCondition, source: NoiseSource) {
    const noise = new StateNoise(arena, source, [textEmbed.shape[0]!, this.options.imageEmbedDim]);
    return this.options.initImageEmbedL2norm ? { noise, start: (x: Tensor) => this.#clampNorm(x) } : { noise };
  }

  #denoiser(
    arena: Arena,
    { condScale = 1, timesteps }: Omit<PriorSampling, "noise">,
    condition: PriorCondition,
  ): Denoiser {
    const { canGuide, net } = this.options;
    finiteNumber("condScale", condScale);
    if (condScale !== 1 && !canGuide) {
      throw new SamplingError(
        `This prior was trained without dropping its conditions, so it cannot be guided: condScale must be 1, not ${condScale}.`,
      );
    }
    const steps = this.#steps(timesteps ?? this.options.sampleTimesteps);
    const later = condScale === 1 ? condition : this.#afterGuidance(condition);
    return {
      arena,
      name: PRIOR_NAME,
      steps,
      selfCond: net.selfCond,
      predict: (x, time, selfCond) => {
        const times = new Array<number>(x.shape[0]!).fill(time);
        const { textMask } = time === steps[0]?.time ? condition : later;
        return this.#network.forwardWithCondScale(x, times, { ...condition, textMask, selfCond }, condScale);
      },
      estimate: (x, prediction, step) => this.#estimate(x, prediction, step),
    };
  }

  /** What a guided step leaves of the condition: some versions dropped the text in the caller's own mask, for good. */
  #afterGuidance(condition: PriorCondition): PriorCondition {
    if (this.dialect.sampler.priorCfgMask === "fresh") return condition;
    return { ...condition, textMask: mapRows(condition.textMask, (row) => [row.map(() => 0)]) };
  }

  #steps(count: number | null): SamplerStep[] {
    const schedule = this.#schedule();
    const { objective, timesteps } = this.options;
    if (count === null || count === timesteps) return ddpmSteps(schedule, { objective });
    const { ddimGridPrior, ddimNoisePrior, ddimNoiseSign, ddimLastNoise, ddimPriorUpdate } = this.dialect.sampler;
    // Since 1.10.3 the network runs once less than there are steps: a single one would leave plain noise.
    const fewest = ddimGridPrior === "toMinusOne" ? 2 : 1;
    if (!Number.isInteger(count) || count < fewest || count > timesteps) {
      throw new SamplingError(`This prior takes ${fewest} to ${timesteps} sampling steps, not ${count}.`);
    }
    const steps = ddimSteps(schedule, {
      grid: priorTimeGrid(timesteps, count, ddimGridPrior),
      objective,
      alphas: schedule.tables.alphasCumprodPrev,
      eta: 1,
      epsilon: ddimNoisePrior,
      epsilonSign: ddimNoiseSign,
      lastNoise: ddimLastNoise,
    });
    return ddimPriorUpdate === "on" ? steps : steps.map((step) => ({ ...step, advance: (x) => scaleBy(x, 1) }));
  }

  #estimate(x: Tensor, prediction: Tensor, { estimate }: SamplerStep): Tensor {
    const { predictXStart, samplingClampL2norm } = this.options;
    const x0 = predictX0(x, prediction, {
      scaleX: estimate.x,
      scalePrediction: estimate.prediction,
      limit: predictXStart ? undefined : 1,
    });
    return predictXStart && samplingClampL2norm ? this.#clampNorm(x0) : x0;
  }

  /** Embeddings live multiplied by `imageEmbedScale` inside the process, so that they look like unit noise to it. */
  #clampNorm(x: Tensor): Tensor {
    return l2Norm(x, { scale: this.options.imageEmbedScale });
  }

  /** Reads and frees the sample, brought back to the scale of CLIP. */
  async #finish(x: Tensor): Promise<Float32Array> {
    const { predictXStart, samplingFinalClampL2norm, imageEmbedScale } = this.options;
    const clamps = predictXStart && samplingFinalClampL2norm;
    using state = x;
    using clamped = clamps ? state.arena.scope(() => this.#clampNorm(state)) : state;
    const values = await clamped.read();
    checkFinite({ component: PRIOR_NAME, dtype: this.#dtype, what: "an image embedding" }, values);
    return values.map((value) => value / imageEmbedScale);
  }
}

function mapRows(
  mask: TextMask | undefined,
  rowsOf: (row: readonly number[]) => readonly (readonly number[])[],
): TextMask | undefined {
  return typeof mask === "object" ? mask.flatMap(rowsOf) : mask;
}

/** Of the candidates for each text, the one whose direction is nearest to that of the text embedding. */
function best(texts: Float32Array, candidates: Float32Array, count: number, dim: number): Float32Array {
  const result = new Float32Array(texts.length);
  for (let start = 0; start < texts.length; start += dim) {
    const text = texts.subarray(start, start + dim);
    const row = (i: number) => candidates.subarray(start * count + i * dim, start * count + (i + 1) * dim);
    const similarities = Array.from({ length: count }, (_, i) => cosine(text, row(i)));
    result.set(row(similarities.indexOf(Math.max(...similarities))), start);
  }
  return result;
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (const [i, x] of a.entries()) {
    dot += x * b[i]!;
    aa += x * x;
    bb += b[i]! * b[i]!;
  }
  return dot / Math.sqrt(aa * bb);
}
