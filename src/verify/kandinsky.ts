import * as z from "zod/mini";
import type { Fixture } from "../fixture/fixture.js";
import type { Output } from "../fixture/result.js";
import type { Runner } from "../fixture/runner.js";
import { splitRows, type Embedding, type EmbeddingPair } from "../pipeline/embedding.js";
import { InferenceScript } from "../pipeline/inference-script.js";
import type { DalleModelManager } from "../pipeline/manager/model-manager.js";
import type { Randomness } from "../pipeline/randomness.js";
import type { SamplePriorOptions } from "../pipeline/script-options.js";
import { Embed } from "../pipeline/scripts/embed.js";
import type { HostTensor } from "../tensor/host-tensor.js";
import {
  embeddingsOfPixels,
  freshRandom,
  joined,
  listOf,
  oneOrMore,
  openManager,
  paired,
  photosOf,
  QUIET,
  randomOfCall,
  repeat,
  SAMPLED,
  tokensOf,
  type Random,
} from "./diffusers.js";

// Whole pipelines of Kandinsky 2.2, through the scripts that everyone uses.

/** The arguments of every call of the prior's pipelines. */
const priorCall = z.looseObject({
  num_inference_steps: z.optional(z.int().check(z.positive())),
  guidance_scale: z._default(z.number(), 4),
  num_images_per_prompt: z._default(z.int().check(z.positive()), 1),
  latents: z.optional(z.string()),
});
type PriorCall = z.output<typeof priorCall>;

/** The arguments of a call with texts. */
export const textCall = z.extend(priorCall, {
  prompt: oneOrMore(z.string()),
  negative_prompt: z.optional(oneOrMore(z.string())),
});

const startCall = z.extend(textCall, { image: oneOrMore(z.string()), strength: z._default(z.number(), 0.3) });

const mixCall = z.extend(priorCall, {
  images_and_prompts: z.array(z.string()),
  weights: z.array(z.number()),
  negative_prompt: z._default(z.string(), ""),
  negative_prior_prompt: z.optional(z.string()),
});

/** Exposes what scripts compute on the way. */
class Steps extends InferenceScript {
  async pairs(texts: readonly string[], options: SamplePriorOptions): Promise<readonly EmbeddingPair[]> {
    return [...(await this.samplePriorPairs(texts, options)).values()].flat();
  }

  nullImage(): Promise<Embedding | undefined> {
    return this.embedNullImage();
  }
}

/** Verifies the embeddings of texts: `KandinskyV22PriorPipeline`. */
export const verifyKandinskyPrior = priorRunner(textCall, async (fixture, manager, name, call) => {
  const texts = listOf(call.prompt);
  return [
    ...(await tokensOf(fixture, manager, name, texts)),
    ...(await pairsOfTexts(fixture, manager, name, call, undefined)),
  ];
});

/** Verifies embeddings that start from those of images: `KandinskyV22PriorEmb2EmbPipeline`. */
export const verifyKandinskyEmb2Emb = priorRunner(startCall, async (fixture, manager, name, call) => {
  const embeddings = repeat(await embeddingsOf(fixture, manager, listOf(call.image)), call.num_images_per_prompt);
  const halves = call.negative_prompt === undefined ? 1 : 2;
  const rows = listOf(call.prompt).length * call.num_images_per_prompt * halves;
  // The reference repeats each image, and then all as a whole.
  const initEmbed = Array.from(
    { length: Math.max(rows, embeddings.length) },
    (_, i) => embeddings[i % embeddings.length]!,
  );
  return pairsOfTexts(fixture, manager, name, call, { initEmbed, strength: call.strength });
});

/** Verifies mixtures of texts and images: `KandinskyV22PriorPipeline.interpolate`. */
export const verifyKandinskyInterpolate = priorRunner(mixCall, async (fixture, manager, name, call) => {
  const parts: (string | Embedding)[] = [];
  for (const part of call.images_and_prompts) {
    if (await fixture.has(part)) parts.push((await embeddingsOf(fixture, manager, [part]))[0]!);
    else parts.push(part);
  }
  const pairs = await new Embed(manager, QUIET).mix(parts, call.weights, {
    ...(await optionsOf(fixture, name, call)),
    negativeText: call.negative_prompt,
    partNegativeText: call.negative_prior_prompt,
  });
  return pairOutputs(fixture, manager, name, pairs);
});

/** Runs every call of a fixture with the models in the prior's folder. */
function priorRunner<Schema extends z.ZodMiniType>(
  schema: Schema,
  run: (
    fixture: Fixture,
    manager: DalleModelManager,
    name: string,
    call: z.output<Schema>,
  ) => Promise<readonly Output[]>,
): Runner {
  const info = z.looseObject({ model: z.string(), calls: z.record(z.string(), schema) });
  return async (fixture, _, openContext) => {
    const { model, calls } = fixture.info(info);
    using manager = await openManager(fixture, model, await openContext());
    const outputs: Output[] = [];
    for (const [name, call] of Object.entries(calls)) {
      outputs.push(...(await run(fixture, manager, name, call)));
    }
    return outputs;
  };
}

async function pairsOfTexts(
  fixture: Fixture,
  manager: DalleModelManager,
  name: string,
  call: z.output<typeof textCall>,
  start: Pick<SamplePriorOptions, "initEmbed" | "strength"> | undefined,
): Promise<Output[]> {
  const { negative_prompt: negative } = call;
  const options = { ...(await optionsOf(fixture, name, call)), negativeText: negative && listOf(negative), ...start };
  return pairOutputs(fixture, manager, name, await new Steps(manager, QUIET).pairs(listOf(call.prompt), options));
}

async function optionsOf(
  fixture: Fixture,
  name: string,
  call: PriorCall,
): Promise<Random & Pick<SamplePriorOptions, "steps" | "condScale" | "sampleCount">> {
  const { latents } = call;
  const given = new Map(latents === undefined ? [] : [[0, latents] as const]);
  return { ...freshRandom({ random: await randomOfCall(fixture, name, given) }), ...settingsOf(call) };
}

function settingsOf(call: PriorCall): Pick<SamplePriorOptions, "steps" | "condScale" | "sampleCount"> {
  return {
    steps: call.num_inference_steps,
    // The reference guides by scales above 1 alone.
    condScale: Math.max(1, call.guidance_scale),
    sampleCount: call.num_images_per_prompt,
  };
}

/** An image embedding, and the one that the decoder is guided away from. */
export type WholePair = Required<EmbeddingPair> & { readonly negative: Embedding };

/** The embeddings of the texts of a call; without negative prompts, the others are that of no image. Continues the generator. */
export async function pairsOf(
  manager: DalleModelManager,
  call: z.output<typeof textCall>,
  generator: Randomness,
): Promise<readonly WholePair[]> {
  const { negative_prompt: negative } = call;
  const options = { ...settingsOf(call), generator, negativeText: negative && listOf(negative) };
  return wholePairs(manager, await new Steps(manager, QUIET).pairs(listOf(call.prompt), options));
}

async function wholePairs(manager: DalleModelManager, pairs: readonly EmbeddingPair[]): Promise<readonly WholePair[]> {
  const nullImage = await new Steps(manager, QUIET).nullImage();
  return pairs.map((pair) => ({ ...pair, negative: pair.negative ?? nullImage! }));
}

/** Compares embeddings and those that the decoder is guided away from: without negative prompts, that of no image. */
async function pairOutputs(
  fixture: Fixture,
  manager: DalleModelManager,
  name: string,
  pairs: readonly EmbeddingPair[],
): Promise<Output[]> {
  return pairsOutputs(fixture, manager, name, await wholePairs(manager, pairs));
}

/** The same for pairs that have both. */
export async function pairsOutputs(
  fixture: Fixture,
  { dtype }: Pick<DalleModelManager, "dtype">,
  name: string,
  pairs: readonly WholePair[],
): Promise<Output[]> {
  const [own, negative] = [pairs.map(({ embedding }) => embedding), pairs.map((pair) => pair.negative)];
  return [
    await paired(fixture, `${name}.image_embeds`, joined(own), SAMPLED[dtype]),
    await paired(fixture, `${name}.negative_image_embeds`, joined(negative), SAMPLED[dtype]),
  ];
}

/** The embeddings of images: of photos, of what the encoder takes, or given ones. */
async function embeddingsOf(
  fixture: Fixture,
  manager: DalleModelManager,
  names: readonly string[],
): Promise<readonly Embedding[]> {
  const embeddings: Embedding[] = [];
  for (const name of names) embeddings.push(...(await embeddingsOfTensor(fixture, manager, name)));
  return embeddings;
}

async function embeddingsOfTensor(
  fixture: Fixture,
  manager: DalleModelManager,
  name: string,
): Promise<readonly Embedding[]> {
  const tensor: HostTensor = await fixture.tensor(name);
  const axes = tensor.shape.length;
  if (axes === 2) return splitRows(tensor.data, tensor.shape);
  if (axes === 4) return embeddingsOfPixels(manager, tensor);
  return new Embed(manager, QUIET).images(await photosOf(fixture, name));
}
