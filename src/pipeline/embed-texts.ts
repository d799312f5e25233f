import { NO_GUIDANCE } from "../diffusion/guidance.js";
import type { Embedding, EmbeddingPair } from "./embedding.js";
import { forkOf, type Randomness } from "./randomness.js";
import type { SamplePriorOptions } from "./script-options.js";

/** A call of the prior for texts, with their negative prompts. */
export interface TextsCall extends Omit<SamplePriorOptions, "negativeText"> {
  readonly generator: Randomness;
  readonly negativeText: readonly string[] | undefined;
}

/** What a decoder generates images of texts from. */
export interface EmbeddedTexts {
  /** The image embeddings of each text. */
  readonly embeddings: readonly (readonly Embedding[])[];
  /** For each of them, the one that the decoder is guided away from. */
  readonly negativeImageEmbed: readonly Embedding[] | undefined;
}

/**
 * How negative prompts become image embeddings: in a run of their own, in that of the texts, or not at all; then the prior may be
 * guided away from them, or leave them to the decoder.
 */
export type NegativeRun = "own" | "joined" | "none" | "decoder";

/** Samples the image embeddings of texts, and of their negative prompts. `sample` samples the prior. */
export async function embedTexts(
  sample: (
    texts: readonly string[],
    options: SamplePriorOptions,
  ) => Promise<ReadonlyMap<number, readonly EmbeddingPair[]>>,
  texts: readonly string[],
  { negativeText, ...call }: TextsCall,
  run: NegativeRun,
): Promise<EmbeddedTexts> {
  const own = negativeText && run === "own" ? pairsOf(await sample(negativeText, unguided(call))).flat() : undefined;
  const forPrior = run === "decoder" ? undefined : negativeText;
  const pairs = pairsOf(await sample(texts, { ...call, negativeText: forPrior }));
  const joined = negativeText && run === "joined" ? pairs.flat().flatMap(({ negative }) => negative ?? []) : undefined;
  return {
    embeddings: pairs.map((each) => each.map(({ embedding }) => embedding)),
    negativeImageEmbed: own?.map(({ embedding }) => embedding) ?? joined,
  };
}

function pairsOf(pairs: ReadonlyMap<number, readonly EmbeddingPair[]>): readonly (readonly EmbeddingPair[])[] {
  return [...pairs.values()];
}

/** Returns the call of the prior for negative prompts: without guidance, and from the same noise, which is used again. */
export function unguided<C extends { readonly generator: Randomness }>(call: C): C {
  return { ...call, ...NO_GUIDANCE, generator: forkOf(call.generator) };
}
