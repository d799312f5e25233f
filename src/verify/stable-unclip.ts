import * as z from "zod/mini";
import { NoiseOfPart, NoisePerImage, type NoiseSource } from "../diffusion/noise.js";
import type { Fixture } from "../fixture/fixture.js";
import type { Output, Tolerance } from "../fixture/result.js";
import type { Runner } from "../fixture/runner.js";
import type { Cascade } from "../models/interfaces.js";
import { BYTES, LOOP } from "../models/diffusers/verify/tolerances.js";
import { clamp } from "../ops/elementwise.js";
import { decoderOf } from "../pipeline/decoder-call.js";
import { splitRows, stackRows, type Embedding } from "../pipeline/embedding.js";
import { readImages } from "../pipeline/generated-image.js";
import type { DalleModelManager } from "../pipeline/manager/model-manager.js";
import { forkOf, type Randomness } from "../pipeline/randomness.js";
import { Embed } from "../pipeline/scripts/embed.js";
import { InternalError } from "../platform/internal-error.js";
import type { Arena } from "../tensor/arena.js";
import type { ComputeType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import {
  contextsOf,
  embeddingsOfPixels,
  ENCODED,
  generatorOf,
  joined,
  LatentTap,
  listOf,
  oneOrMore,
  openManager,
  paired,
  photosOf,
  QUIET,
  randomOfCall,
  repeat,
  SAMPLED,
} from "./diffusers.js";

// Whole pipelines of Stable unCLIP.

const count = z.int().check(z.positive());

const call = z.looseObject({
  prompt: z.optional(oneOrMore(z.string())),
  negative_prompt: z.optional(oneOrMore(z.string())),
  image: z.optional(oneOrMore(z.string())),
  image_embeds: z.optional(z.string()),
  height: count,
  width: count,
  num_inference_steps: z._default(count, 20),
  guidance_scale: z._default(z.number(), 10),
  num_images_per_prompt: z._default(count, 1),
  noise_level: z._default(z.int(), 0),
  latents: z.optional(z.string()),
  prior_latents: z.optional(z.string()),
  prior_num_inference_steps: z._default(count, 25),
  prior_guidance_scale: z._default(z.number(), 4),
});
type Call = z.output<typeof call>;

const info = z.looseObject({ model: z.string(), calls: z.record(z.string(), call) });

/** What the decoder generates images from. */
interface DecoderRun {
  readonly name: string;
  readonly call: Call;
  /** One for each image. */
  readonly embeddings: readonly Embedding[];
  readonly texts: readonly string[];
  readonly negativeTexts: readonly string[];
  /** For each image, the number of the embedding that is noised: others with that number get the same noise. */
  readonly inputs: readonly number[];
  /** How near to those of the reference the embeddings are. */
  readonly accuracy: Readonly<Record<ComputeType, Tolerance>>;
  readonly generator: Randomness;
}

/** Verifies text to image: `StableUnCLIPPipeline`. */
export const verifyStableUnclipTextToImage = pipelineRunner(async (fixture, manager, name, one) => {
  const prompts = listOf(one.prompt ?? "");
  const { num_images_per_prompt: each, prior_num_inference_steps: priorSteps } = one;
  const images = prompts.length * each;
  // The prior draws its start, and noise in all steps but the last. Noise of the image embeddings follows.
  const generator = await generatorOfCall(fixture, name, { 0: one.prior_latents, [priorSteps + 1]: one.latents });
  const sampled = await new Embed(manager, QUIET).prior(prompts, {
    generator,
    condScale: scaleOf(one.prior_guidance_scale),
    steps: priorSteps,
    sampleCount: each,
    batchSize: images,
  });
  const embeddings = [...sampled.values()].flat();
  return {
    embeddings,
    inputs: embeddings.map((_, i) => i),
    accuracy: SAMPLED,
    texts: repeat(prompts, each),
    negativeTexts: repeat(negativesOf(one, prompts.length), each),
    generator,
  };
});

/** Verifies variations of images: `StableUnCLIPImg2ImgPipeline`. */
export const verifyStableUnclipImageVariation = pipelineRunner(async (fixture, manager, name, one) => {
  const embedded = await embeddingsOf(fixture, manager, one);
  const prompts = one.prompt === undefined ? embedded.map(() => "") : listOf(one.prompt);
  const { num_images_per_prompt: each } = one;
  const images = prompts.length * each;
  const own = images / embedded.length;
  return {
    embeddings: repeat(embedded, own),
    inputs: repeat([...embedded.keys()], own),
    accuracy: ENCODED,
    texts: repeat(prompts, each),
    negativeTexts: repeat(negativesOf(one, prompts.length), each),
    generator: await generatorOfCall(fixture, name, { 1: one.latents }),
  };
});

/** Runs every call of a fixture with the models in its folder. `prepare` makes what the decoder reads. */
function pipelineRunner(
  prepare: (
    fixture: Fixture,
    manager: DalleModelManager,
    name: string,
    one: Call,
  ) => Promise<Omit<DecoderRun, "name" | "call">>,
): Runner {
  return async (fixture, _, openContext) => {
    const { model, calls } = fixture.info(info);
    using manager = await openManager(fixture, model, await openContext());
    const outputs: Output[] = [];
    for (const [name, one] of Object.entries(calls)) {
      const run = { name, call: one, ...(await prepare(fixture, manager, name, one)) };
      outputs.push(...(await decoderOutputs(fixture, manager, run)));
    }
    return outputs;
  };
}

/** The reference guides by scales above 1 alone. */
function scaleOf(scale: number): number {
  return Math.max(1, scale);
}

function negativesOf({ negative_prompt: negative = "" }: Call, length: number): readonly string[] {
  return typeof negative === "string" ? new Array<string>(length).fill(negative) : negative;
}

/** `given` names what is given in place of draws, by the number of the draw. */
async function generatorOfCall(
  fixture: Fixture,
  name: string,
  given: Readonly<Record<number, string | undefined>>,
): Promise<Randomness> {
  const draws = Object.entries(given).flatMap(([draw, tensor]) =>
    tensor === undefined ? [] : [[Number(draw), tensor] as const],
  );
  return generatorOf({ random: await randomOfCall(fixture, name, new Map(draws)) });
}

/** The image embeddings of a call: given, or those of its images. */
async function embeddingsOf(
  fixture: Fixture,
  manager: DalleModelManager,
  { image = [], image_embeds: given }: Call,
): Promise<readonly Embedding[]> {
  if (given !== undefined) {
    const { data, shape } = await fixture.tensor(given);
    return splitRows(data, shape);
  }
  const pixels = typeof image === "string" ? await fixture.tensor(image) : undefined;
  // Images that are already what the encoder takes.
  if (pixels?.shape.length === 4) return embeddingsOfPixels(manager, pixels);
  return new Embed(manager, QUIET).images(await photosOf(fixture, image));
}

/** Samples the images of a call, and compares them, and what they are made from. */
async function decoderOutputs(fixture: Fixture, manager: DalleModelManager, run: DecoderRun): Promise<Output[]> {
  const { name, call: one, texts, negativeTexts } = run;
  const { dtype } = manager;
  const contexts = await contextsOf(manager, [...negativeTexts, ...texts]);
  const outputs = [
    await paired(fixture, `${name}.class_labels`, await classLabelsOf(manager, run), run.accuracy[dtype]),
    ...(await sampledOutputs(fixture, manager, run, contexts)),
  ];
  if (!(await fixture.has(`out.${name}.prompt_embeds`))) return outputs;
  const read = isGuided(one) ? contexts : contexts.slice(texts.length);
  return [await paired(fixture, `${name}.prompt_embeds`, joined(read), ENCODED[dtype]), ...outputs];
}

/** What is compared of the decoder of Stable unCLIP beyond what all decoders have. Only the list of families knows its class. */
interface NoisingDecoder {
  readonly stage: {
    readonly options: { readonly vae: { readonly scalingFactor: number } };
    classLabels(arena: Arena, imageEmbed: Tensor, noise: NoiseSource, level: number): Tensor;
    nullClassLabels(arena: Arena, classLabels: Tensor): Tensor;
  };
}

function isNoising(decoder: Cascade): decoder is Cascade & NoisingDecoder {
  return decoder.stages.some((stage) => "nullClassLabels" in stage) && "stage" in decoder;
}

function decoderIn(manager: DalleModelManager): NoisingDecoder {
  const decoder = decoderOf(manager);
  if (isNoising(decoder)) return decoder;
  throw new InternalError("The model has another decoder.");
}

function isGuided({ guidance_scale: scale }: Call): boolean {
  return scaleOf(scale) !== 1;
}

/** What the U-Net reads of the image embeddings; before it, if the call is guided, what the null half reads. */
async function classLabelsOf(manager: DalleModelManager, run: DecoderRun): Promise<number[]> {
  const { call: one, embeddings, generator } = run;
  const decoder = decoderIn(manager);
  const noise = noiseOf({ ...run, generator: forkOf(generator) });
  return manager.withArena(async (arena) => {
    using imageEmbed = stackRows(arena, embeddings, "f32");
    using labels = decoder.stage.classLabels(arena, imageEmbed, noise, one.noise_level);
    using none = decoder.stage.nullClassLabels(arena, labels);
    return [...(isGuided(one) ? await none.read() : []), ...(await labels.read())];
  });
}

/** Compares the latents and the images of a call. `contexts`: of the negative texts, then of the texts. */
async function sampledOutputs(
  fixture: Fixture,
  manager: DalleModelManager,
  run: DecoderRun,
  contexts: readonly Embedding[],
): Promise<Output[]> {
  const { name } = run;
  const { dtype } = manager;
  const { latents, images, bytes } = await sample(manager, run, contexts);
  return [
    await paired(fixture, `${name}.latents`, latents, LOOP[dtype]),
    await paired(fixture, `${name}.images`, images, LOOP[dtype]),
    await paired(fixture, `${name}.uint8`, bytes, BYTES[dtype]),
  ];
}

/** The images of a call. `contexts`: of the negative texts, then of the texts. */
async function sample(manager: DalleModelManager, run: DecoderRun, contexts: readonly Embedding[]) {
  const { call: one, texts, embeddings } = run;
  const decoder = decoderOf(manager);
  return manager.withArena(async (arena) => {
    const tap = new LatentTap(manager, arena);
    using imageEmbed = stackRows(arena, embeddings, "f32");
    using negative = stackRows(arena, contexts.slice(0, texts.length), "f32");
    using textEncodings = stackRows(arena, contexts.slice(texts.length), "f32");
    using sampled = await decoder.sample(arena, {
      imageEmbed,
      textEncodings,
      negative: { textEncodings: negative },
      size: [one.height, one.width],
      steps: one.num_inference_steps,
      condScale: scaleOf(one.guidance_scale),
      noiseLevel: one.noise_level,
      noise: noiseOf(run),
      use: tap.use,
    });
    using images = arena.scope(() => clamp(arena.share(sampled), 0, 1));
    const bytes = await readImages(images, decoder.byteRounding);
    // The fixture has what the autoencoder reads after the division.
    const { scalingFactor } = decoderIn(manager).stage.options.vae;
    const latents = tap.latents.map((value) => value / scalingFactor);
    return { latents, images: await images.read(), bytes: bytes.flatMap(({ data }) => [...data]) };
  });
}

/** The noise of a call. Images of one embedding get the same noise on it. */
function noiseOf({ inputs, generator }: DecoderRun): NoiseSource {
  if (!("randn" in generator)) return new NoisePerImage(generator);
  return new NoiseOfPart(generator, inputs.length, 0, inputs.length, inputs);
}
