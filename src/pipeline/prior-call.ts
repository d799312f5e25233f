import { isGuided } from "../diffusion/guidance.js";
import { withDefaults } from "../diffusion/settings.js";
import type { Prior } from "../models/interfaces.js";
import { checkPriorCall } from "./check-call.js";
import { joinedF32, splitRows, stackRows, type Embedding, type EmbeddingPair } from "./embedding.js";
import { candidatesOf, TimeEstimate, priorPlan } from "./time-estimate.js";
import type { Computed } from "./manager/computed-model.js";
import { TextTensors, type EncodedText } from "./manager/encoded-texts.js";
import { missingModel } from "./manager/missing-model.js";
import type { DalleModelManager } from "./manager/model-manager.js";
import { sampleInBatches, type Part } from "./sample-in-batches.js";
import { DEFAULT_PRIOR_STRENGTH, eachOf, type SamplePriorOptions } from "./script-options.js";
import type { AskedPriorSettings, PriorSettings } from "./settings.js";

/** Texts that the prior is sampled for. */
interface PriorTexts {
  readonly texts: readonly EncodedText[];
  /** Negative prompts: one for each text, or none. */
  readonly negative: readonly EncodedText[];
  /** Whether to sample an embedding of each negative prompt, too. */
  readonly embedsNegative: boolean;
  /** Embeddings that are sampled for texts. */
  readonly rows: number;
  /** The image embeddings to start from. */
  readonly start: { readonly strength: number; readonly embeddings: readonly Embedding[] } | undefined;
}

/** Returns the prior of a load config. Throws `SamplingError` if there is none. */
export function priorOf({ config, models: { prior } }: DalleModelManager): Prior {
  if (!prior) throw missingModel(config, "prior");
  return prior.model;
}

/** Fills in the settings of the prior: those that a call gives, or else of the load config, or else of its training. */
export function fillPriorSettings(manager: DalleModelManager, asked: AskedPriorSettings): PriorSettings {
  const prior = priorOf(manager);
  const numSamplesPerBatch = candidatesOf(prior, asked);
  return { ...prior.settings(withDefaults(asked, manager.defaults.prior)), numSamplesPerBatch };
}

/**
 * Samples `sampleCount` image embeddings for each text or row of tokens. Returns them by index of the text. `tokenize` returns
 * a row of tokens for each text.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/scripts/InferenceScript.py#L234-L275
 */
export async function samplePrior(
  manager: DalleModelManager,
  tokenize: (text: readonly string[]) => Promise<Int32Array[]>,
  textOrTokens: readonly string[] | readonly Int32Array[],
  options: SamplePriorOptions,
): Promise<Map<number, EmbeddingPair[]>> {
  const { sampleCount = 1, batchSize = 100, signal } = options;
  const settings = fillPriorSettings(manager, options);
  const prior = priorOf(manager);
  const { randomness } = checkPriorCall(prior, textOrTokens, options, settings);
  const tokens: Int32Array[] = [];
  for (const one of textOrTokens) tokens.push(typeof one === "string" ? (await tokenize([one]))[0]! : one);
  const nullText = isGuided(settings) ? prior.nullText : undefined;
  const negativeText = eachOf("negativeText", options.negativeText ?? nullText, tokens.length) ?? [];
  // Encoded together, so that all have one length.
  const encoded = await manager.encodeTexts([...tokens, ...(await tokenize(negativeText))], signal);
  const embeddings = tokens.length * sampleCount;
  const given = {
    texts: encoded.slice(0, tokens.length),
    negative: encoded.slice(tokens.length),
    embedsNegative: options.negativeText !== undefined && prior.embedsNegative === true,
    start: startOf(options, embeddings, sampleCount),
    rows: embeddings,
  };
  const timeEstimate =
    options.timeEstimate ?? new TimeEstimate(priorPlan(prior, { ...settings, embeddings, strength: options.strength }));
  const { onProgress, previewEvery } = options;
  const call = { sampleCount, batchSize, randomness, timeEstimate, onProgress, previewEvery };
  return sampleInBatches<EmbeddingPair, EmbeddingPair>(
    manager,
    { ...call, name: "embeddings", inputCount: tokens.length },
    {
      sampleBatch: (sampleParts) =>
        manager.usePrior(
          (computed) =>
            sampleParts({ dtype: computed.dtype }, (part) => samplePart(computed, given, settings, part, signal)),
          signal,
        ),
      finish: (pair) => pair,
    },
  );
}

/**
 * The image embedding that each sampled embedding starts from, and behind these perhaps those of negative ones; and the share of the
 * steps. Undefined without any.
 */
function startOf(
  { initEmbed, strength = DEFAULT_PRIOR_STRENGTH }: SamplePriorOptions,
  embeddings: number,
  sampleCount: number,
): PriorTexts["start"] {
  if (!initEmbed) return undefined;
  const each = initEmbed.length === embeddings / sampleCount ? sampleCount : 1;
  return { strength, embeddings: initEmbed.flatMap((one) => new Array<Embedding>(each).fill(one)) };
}

/** The rows of a part; and if the list has as many again behind those of the call, these for the same part. */
function rowsOf(all: readonly Embedding[], start: number, count: number, behind: number): readonly Embedding[] {
  return [0, behind].flatMap((from) => all.slice(from, from + behind).slice(start, start + count));
}

async function samplePart(
  prior: Computed<Prior>,
  given: PriorTexts,
  settings: PriorSettings,
  { arena, start, inputs, noise, reporter }: Part,
  signal: AbortSignal | undefined,
): Promise<EmbeddingPair[]> {
  const { texts, negative, embedsNegative } = given;
  const upload = (from: readonly EncodedText[]): TextTensors =>
    TextTensors.upload(
      arena,
      inputs.map((input) => from[input]!),
    );
  using condition = upload(texts);
  using negativeCondition = negative.length > 0 ? upload(negative) : undefined;
  const from = given.start && rowsOf(given.start.embeddings, start, inputs.length, given.rows);
  using initEmbed = from && stackRows(arena, from, "f32");
  const data = await prior.model.sample(arena, {
    ...settings,
    textEmbed: condition.textEmbed,
    textEncodings: condition.textEncodings,
    textMask: condition.textMask,
    negative: negativeCondition,
    embedsNegative,
    initEmbed,
    strength: given.start?.strength,
    signal,
    noise,
    onStep: (step, steps) => {
      reporter.step({ phase: "prior", step, steps });
    },
  });
  const rows = splitRows(data, [embedsNegative ? 2 * inputs.length : inputs.length, prior.model.imageEmbedDim]);
  return inputs.map((input, i): EmbeddingPair => {
    const encoded = [texts[input], negative[input]];
    const inF32 = joinedF32([...encoded.map((text) => text?.textEmbed), prior, from?.[i]]);
    const other = rows[inputs.length + i];
    return { embedding: { ...rows[i]!, inF32 }, negative: other && { ...other, inF32 } };
  });
}
