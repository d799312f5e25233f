import * as z from "zod/mini";
import { Generator } from "../diffusion/generator.js";
import { isUrl } from "../files/open.js";
import type { Fixture } from "../fixture/fixture.js";
import { type Output, type Tolerance } from "../fixture/result.js";
import type { GpuContext, Runner } from "../fixture/runner.js";
import { GivenLatents } from "../fixture/given-latents.js";
import { givenLatents, sampleCall, scalesOf } from "../fixture/unclip-call.js";
import { makeImage, toPlanes, type RgbImage } from "../image/image.js";
import { TransformersImageEncoder } from "../models/clip/transformers/image-encoder.js";
import type { Embedding } from "../pipeline/embedding.js";
import { splitRows } from "../pipeline/embedding.js";
import type { GeneratedImage } from "../pipeline/generated-image.js";
import { InferenceScript } from "../pipeline/inference-script.js";
import { ModelLoadConfig } from "../pipeline/load-config.js";
import type { EncodedText } from "../pipeline/manager/encoded-texts.js";
import { DalleModelManager } from "../pipeline/manager/model-manager.js";
import { forkOf, type Randomness } from "../pipeline/randomness.js";
import type { SampleDecoderOptions, ScriptOptions } from "../pipeline/script-options.js";
import { BasicInference } from "../pipeline/scripts/basic-inference.js";
import { Embed } from "../pipeline/scripts/embed.js";
import { ImageVariation } from "../pipeline/scripts/image-variation.js";
import { InternalError } from "../platform/internal-error.js";
import type { ComputeType } from "../tensor/dtype.js";
import type { HostTensor } from "../tensor/host-tensor.js";
import { FormatError } from "../weights/errors.js";
import { UnsupportedError } from "../weights/unsupported-error.js";

// Whole pipelines of diffusers, through the scripts that everyone uses.

const oneOrMore = <T extends z.ZodMiniType>(one: T) => z.union([one, z.array(one).check(z.minLength(1))]);

const info = z.looseObject({
  model: z.string(),
  calls: z.record(
    z.string(),
    z.extend(sampleCall, {
      prompt: z.optional(oneOrMore(z.string())),
      image: z.optional(oneOrMore(z.string())),
      image_embeddings: z.optional(z.string()),
    }),
  ),
  torch_seeds: z.record(z.string(), oneOrMore(z.int())),
});

/** A call of a pipeline. */
interface Call extends z.output<typeof sampleCall> {
  readonly name: string;
  readonly prompt?: string | readonly string[] | undefined;
  readonly image?: string | readonly string[] | undefined;
  readonly image_embeddings?: string | undefined;
  readonly random: Random;
}

/** One seed for the whole call or one for each image; or the same as generators, where latents are given. */
type Random = { readonly seed: number } | { readonly seeds: readonly number[] } | { readonly generator: Randomness };

/** For the embeddings of one pass through an encoder, and for those of the prior's loop. Measured: below 1e-6 in f32. */
const ENCODED: Readonly<Record<ComputeType, Tolerance>> = { f32: { maxRelative: 1e-5 }, f16: { nmse: 1e-5 } };
const SAMPLED: Readonly<Record<ComputeType, Tolerance>> = { f32: { maxRelative: 1e-3 }, f16: { nmse: 1e-4 } };

/** Bytes may be rounded to their neighbours. In f16, errors add up over all steps. */
const BYTES: Readonly<Record<ComputeType, Tolerance>> = { f32: { beyondOne: 0 }, f16: { nmse: 1e-2 } };

/** Cut prompts are part of a fixture. */
const QUIET: ScriptOptions = { onWarning: () => undefined };

/** Exposes what scripts compute on the way. */
class Steps extends InferenceScript {
  tokens(texts: readonly string[]): Promise<Int32Array[]> {
    return this.tokenizeText(texts);
  }

  texts(texts: readonly string[]): Promise<EncodedText[]> {
    return this.encodeTexts(texts);
  }

  small(options: SampleDecoderOptions): Promise<Map<number, GeneratedImage[]>> {
    return this.sampleDecoder({ ...options, stopAtUnetNumber: 1 });
  }
}

/** Verifies text to image: `UnCLIPPipeline`. */
export const verifyKarloTextToImage = pipelineRunner(true, async (fixture, manager, call) => {
  const texts = listOf(call.prompt ?? []);
  const { num_images_per_prompt: each } = call;
  const scales = scalesOf(call);
  const count = texts.length * each;
  const prior = { priorCondScale: scales.prior, priorSteps: call.prior_num_inference_steps, priorBatchSize: count };
  const images = await new BasicInference(manager, QUIET).run(texts, {
    ...freshRandom(call),
    ...prior,
    priorSampleCount: each,
    decoderCondScale: scales.decoder,
    decoderSteps: stepsOf(call),
    decoderBatchSize: count,
  });
  const generator = generatorOf(call);
  const embeddings = await new Embed(manager, QUIET).prior(texts, {
    generator,
    condScale: scales.prior,
    steps: call.prior_num_inference_steps,
    sampleCount: each,
    batchSize: count,
  });
  const isGuided = scales.decoder !== 1 || scales.prior !== 1;
  return [
    ...(await tokensOf(fixture, new Steps(manager, QUIET), call.name, texts)),
    await textsOf(fixture, manager, call.name, [
      ...new Array<string>(isGuided ? count : 0).fill(""),
      ...repeat(texts, each),
    ]),
    await paired(
      fixture,
      `${call.name}.image_embeddings`,
      joined([...embeddings.values()].flat()),
      SAMPLED[manager.dtype],
    ),
    await small(fixture, manager, call, {
      text: repeat(texts, each),
      imageEmbed: [...embeddings.values()].flat(),
      generator,
      condScale: scales.decoder,
    }),
    await bytes(
      fixture,
      call,
      [...images.values()].flatMap((one) => [...one.values()].flat()),
      manager.dtype,
    ),
  ];
});

/** Verifies variations of images: `UnCLIPImageVariationPipeline`. */
export const verifyKarloImageVariation = pipelineRunner(false, async (fixture, manager, call) => {
  const embeddings = await imageEmbeddingsOf(fixture, manager, call);
  const { num_images_per_prompt: each } = call;
  const photos =
    call.image === undefined || (await pixelsOf(fixture, call)) ? undefined : await photosOf(fixture, call.image);
  const count = embeddings.length * each;
  const options = {
    ...freshRandom(call),
    condScale: scalesOf({ ...call, prior_guidance_scale: 1 }).decoder,
    steps: stepsOf(call),
    sampleCount: each,
    batchSize: count,
  };
  const images = await new ImageVariation(manager, QUIET).run(photos ?? embeddings, options);
  const isGuided = options.condScale !== 1;
  const texts = new Array<string>(isGuided ? 2 * count : count).fill("");
  const encoded = joined(repeat(embeddings, each));
  return [
    await textsOf(fixture, manager, call.name, texts),
    await paired(fixture, `${call.name}.image_embeddings`, encoded, ENCODED[manager.dtype]),
    await small(fixture, manager, call, {
      imageEmbed: repeat(embeddings, each),
      generator: generatorOf(call),
      condScale: options.condScale,
    }),
    await bytes(fixture, call, [...images.values()].flat(), manager.dtype),
  ];
});

/** Runs every call of a fixture with the models in its folder. */
function pipelineRunner(
  hasPrior: boolean,
  run: (fixture: Fixture, manager: DalleModelManager, call: Call) => Promise<readonly Output[]>,
): Runner {
  return async (fixture, _, openContext) => {
    using manager = await openManager(fixture, await openContext());
    const outputs: Output[] = [];
    for (const call of await callsOf(fixture, hasPrior)) outputs.push(...(await run(fixture, manager, call)));
    return outputs;
  };
}

async function openManager(fixture: Fixture, { gpu, arena }: GpuContext): Promise<DalleModelManager> {
  const path = fixture.location(fixture.info(info).model);
  const pipeline = { load_type: isUrl(path) ? "url" : "local", path };
  const config = ModelLoadConfig.parse({ pipeline }, `${fixture.folder}/fixture.json`);
  return DalleModelManager.create(config, { gpu, dtype: arena.dtype, ...QUIET });
}

async function callsOf(fixture: Fixture, hasPrior: boolean): Promise<Call[]> {
  const { calls, torch_seeds: seeds } = fixture.info(info);
  const result: Call[] = [];
  for (const [name, call] of Object.entries(calls)) {
    if (call.text_model_output !== undefined) throw new UnsupportedError("calls with text_model_output");
    const seed = seeds[name];
    if (seed === undefined) throw new FormatError(`${fixture.folder}/fixture.json`, `there is no seed of ${name}`);
    result.push({ ...call, name, random: await randomOf(fixture, seed, givenLatents(call, { hasPrior })) });
  }
  return result;
}

async function randomOf(
  fixture: Fixture,
  seed: number | readonly number[],
  latents: ReadonlyMap<number, string>,
): Promise<Random> {
  if (latents.size === 0) return typeof seed === "number" ? { seed } : { seeds: seed };
  const given = new Map<number, Float32Array>();
  for (const [draw, name] of latents) given.set(draw, (await fixture.tensor(name)).data);
  if (typeof seed === "number") return { generator: new GivenLatents(seed, given) };
  const rowOf = (values: Float32Array, i: number): Float32Array => {
    const size = values.length / seed.length;
    return values.subarray(i * size, (i + 1) * size);
  };
  const rows = (i: number) => new Map([...given].map(([draw, values]) => [draw, rowOf(values, i)]));
  return { generator: seed.map((one, i) => new GivenLatents(one, rows(i))) };
}

function stepsOf({ decoder_num_inference_steps: decoder, super_res_num_inference_steps: superRes }: Call) {
  return [decoder ?? null, superRes ?? null];
}

/** Compares tokens up to the end of each text: what pads them is no part of a row. */
async function tokensOf(fixture: Fixture, script: Steps, call: string, texts: readonly string[]): Promise<Output[]> {
  const [ids, mask] = [
    await fixture.tensor(`out.${call}.input_ids`),
    await fixture.tensor(`out.${call}.attention_mask`),
  ];
  const encoded = await script.texts(texts);
  return [
    {
      name: `${call}.input_ids`,
      actual: (await script.tokens(texts)).flatMap((row) => [...row]),
      expected: ids.data.filter((_, i) => mask.data[i] === 1),
      tolerance: { maxRelative: 0 },
    },
    {
      name: `${call}.attention_mask`,
      actual: encoded.flatMap(({ textMask }) => [...textMask]),
      expected: mask.data,
      tolerance: { maxRelative: 0 },
    },
  ];
}

async function textsOf(
  fixture: Fixture,
  manager: DalleModelManager,
  call: string,
  texts: readonly string[],
): Promise<Output> {
  const encoded = await new Steps(manager, QUIET).texts(texts);
  const embeds = joined(encoded.map(({ textEmbed }) => textEmbed));
  return paired(fixture, `${call}.prompt_embeds`, embeds, ENCODED[manager.dtype]);
}

/** The image embeddings of a call: given, or those of its images. */
async function imageEmbeddingsOf(
  fixture: Fixture,
  manager: DalleModelManager,
  call: Call,
): Promise<readonly Embedding[]> {
  const { image, image_embeddings: given } = call;
  if (given !== undefined) {
    const { data, shape } = await fixture.tensor(given);
    return splitRows(data, shape);
  }
  const pixels = await pixelsOf(fixture, call);
  if (!pixels) return new Embed(manager, QUIET).images(await photosOf(fixture, image ?? []));
  const { data, shape } = pixels;
  return manager.useImageEncoder(({ model, dtype }) =>
    manager.withArena(async (callArena) => {
      if (!(model instanceof TransformersImageEncoder)) throw new InternalError("Karlo has another image encoder.");
      const arena = callArena.withType(dtype);
      using embed = arena.scope(() => {
        const images = arena.fromNchw(data, shape as [number, number, number, number], "f32");
        return model.encode(images).embed;
      });
      return splitRows(await embed.read(), embed.shape);
    }),
  );
}

/** The image of a call if it is already what the encoder takes: `[B, 3, side, side]`, normalised. */
async function pixelsOf(fixture: Fixture, { image }: Call): Promise<HostTensor | undefined> {
  if (typeof image !== "string") return undefined;
  const tensor = await fixture.tensor(image);
  return tensor.shape.length === 4 ? tensor : undefined;
}

/** Images of a fixture: bytes `[H, W, 3]`. */
async function photosOf(fixture: Fixture, names: string | readonly string[]): Promise<RgbImage[]> {
  const tensors = await Promise.all(listOf(names).map((name) => fixture.tensor(name)));
  return tensors.map(({ shape: [height = 0, width = 0], data }) => makeImage(width, height, 3, Uint8Array.from(data)));
}

/** Compares the images of U-Net 1, as bytes. */
async function small(
  fixture: Fixture,
  manager: DalleModelManager,
  call: Call,
  inputs: SampleDecoderOptions,
): Promise<Output> {
  const batchSize = inputs.imageEmbed!.length;
  const images = await new Steps(manager, QUIET).small({ ...inputs, steps: stepsOf(call), batchSize });
  const name = `${call.name}.image_small`;
  const { data } = await fixture.tensor(`out.${name}`);
  return {
    name,
    actual: [...images.values()]
      .flat()
      .flatMap((image) => [...toPlanes(image)].map((value) => Math.round(value * 255))),
    expected: data.map((value) => Math.round((value * 0.5 + 0.5) * 255)),
    tolerance: BYTES[manager.dtype],
  };
}

/** The random options of a call. A generator is a copy, because a script continues it. */
function freshRandom({ random }: Call): Random {
  return "generator" in random ? { generator: forkOf(random.generator) } : random;
}

/** The generators of a call, in the state before its first draw. */
function generatorOf({ random }: Call): Randomness {
  if ("generator" in random) return forkOf(random.generator);
  return "seed" in random ? new Generator(random.seed) : random.seeds.map((seed) => new Generator(seed));
}

async function bytes(
  fixture: Fixture,
  { name }: Call,
  images: readonly RgbImage[],
  dtype: ComputeType,
): Promise<Output> {
  return paired(
    fixture,
    `${name}.uint8`,
    images.flatMap(({ data }) => [...data]),
    BYTES[dtype],
  );
}

async function paired(
  fixture: Fixture,
  name: string,
  actual: ArrayLike<number>,
  tolerance: Tolerance,
): Promise<Output> {
  const { data: expected } = await fixture.tensor(`out.${name}`);
  return { name, actual, expected, tolerance };
}

function joined(embeddings: readonly Embedding[]): number[] {
  return embeddings.flatMap(({ data }) => [...data]);
}

function repeat<T>(values: readonly T[], count: number): T[] {
  return values.flatMap((value) => new Array<T>(count).fill(value));
}

function listOf<T extends string>(value: T | readonly T[]): readonly T[] {
  return typeof value === "string" ? [value] : value;
}
