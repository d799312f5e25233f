import { isGuided } from "../diffusion/guidance.js";
import { withDefaults } from "../diffusion/settings.js";
import type { Prior } from "../models/interfaces.js";
import { checkPriorCall } from "./check-call.js";
import { joinedF32, splitRows, type Embedding } from "./embedding.js";
import { candidatesOf, TimeEstimate, priorPlan } from "./time-estimate.js";
import type { Computed } from "./manager/computed-model.js";
import { TextTensors, type EncodedText } from "./manager/encoded-texts.js";
import { missingModel } from "./manager/missing-model.js";
import type { DalleModelManager } from "./manager/model-manager.js";
import { sampleInBatches, type Part } from "./sample-in-batches.js";
import { eachOf, type SamplePriorOptions } from "./script-options.js";
import type { AskedPriorSettings, PriorSettings } from "./settings.js";

/** Texts that the prior is sampled for. */
interface PriorTexts {
  readonly texts: readonly EncodedText[];
  /** Negative prompts: one for each text, or none. */
  readonly negative: readonly EncodedText[];
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
): Promise<Map<number, Embedding[]>> {
  const { sampleCount = 1, batchSize = 100, signal } = options;
  const settings = fillPriorSettings(manager, options);
  const { randomness } = checkPriorCall(priorOf(manager), textOrTokens, options, settings);
  const tokens: Int32Array[] = [];
  for (const one of textOrTokens) tokens.push(typeof one === "string" ? (await tokenize([one]))[0]! : one);
  const nullText = isGuided(settings) ? priorOf(manager).nullText : undefined;
  const negativeText = eachOf("negativeText", options.negativeText ?? nullText, tokens.length) ?? [];
  // Encoded together, so that all have one length.
  const encoded = await manager.encodeTexts([...tokens, ...(await tokenize(negativeText))], signal);
  const given = { texts: encoded.slice(0, tokens.length), negative: encoded.slice(tokens.length) };
  const embeddings = tokens.length * sampleCount;
  const timeEstimate =
    options.timeEstimate ?? new TimeEstimate(priorPlan(priorOf(manager), { ...settings, embeddings }));
  const { onProgress, previewEvery } = options;
  const call = { sampleCount, batchSize, randomness, timeEstimate, onProgress, previewEvery };
  return sampleInBatches<Embedding, Embedding>(
    manager,
    { ...call, name: "embeddings", inputCount: tokens.length },
    {
      sampleBatch: (sampleParts) =>
        manager.usePrior(
          (prior) => sampleParts({ dtype: prior.dtype }, (part) => samplePart(prior, given, settings, part, signal)),
          signal,
        ),
      finish: (embedding) => embedding,
    },
  );
}

async function samplePart(
  prior: Computed<Prior>,
  { texts, negative }: PriorTexts,
  settings: PriorSettings,
  { arena, inputs, noise, reporter }: Part,
  signal: AbortSignal | undefined,
): Promise<Embedding[]> {
  const upload = (from: readonly EncodedText[]): TextTensors =>
    TextTensors.upload(
      arena,
      inputs.map((input) => from[input]!),
    );
  using condition = upload(texts);
  using negativeCondition = negative.length > 0 ? upload(negative) : undefined;
  const data = await prior.model.sample(arena, {
    ...settings,
    textEmbed: condition.textEmbed,
    textEncodings: condition.textEncodings,
    textMask: condition.textMask,
    negative: negativeCondition,
    signal,
    noise,
    onStep: (step, steps) => {
      reporter.step({ phase: "prior", step, steps });
    },
  });
  return splitRows(data, condition.textEmbed.shape).map((row, i): Embedding => {
    const encoded = [texts[inputs[i]!], negative[inputs[i]!]];
    return { ...row, inF32: joinedF32([...encoded.map((text) => text?.textEmbed), prior]) };
  });
}
