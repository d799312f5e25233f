import * as z from "zod/mini";
import { Generator } from "../diffusion/generator.js";
import { isUrl } from "../files/open.js";
import type { Fixture } from "../fixture/fixture.js";
import type { Output, Tolerance } from "../fixture/result.js";
import type { GpuContext } from "../fixture/runner.js";
import { GivenLatents } from "../fixture/given-latents.js";
import { makeImage, type RgbImage } from "../image/image.js";
import { TransformersImageEncoder } from "../models/clip/transformers/image-encoder.js";
import { UNET_NAME } from "../models/diffusers/latents/latents.js";
import type { Cascade, UseComponent } from "../models/interfaces.js";
import { splitRows, type Embedding } from "../pipeline/embedding.js";
import { InferenceScript } from "../pipeline/inference-script.js";
import type { EncodedText } from "../pipeline/manager/encoded-texts.js";
import { ModelLoadConfig } from "../pipeline/load-config.js";
import { DalleModelManager } from "../pipeline/manager/model-manager.js";
import { forkOf, type Randomness } from "../pipeline/randomness.js";
import type { ScriptOptions } from "../pipeline/script-options.js";
import { InternalError } from "../platform/internal-error.js";
import type { Arena } from "../tensor/arena.js";
import type { HostTensor } from "../tensor/host-tensor.js";
import type { ComputeType } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { FormatError } from "../weights/errors.js";

// What fixtures of diffusers' pipelines have in common. They run through the scripts that everyone uses.

/** One value, or a list. */
export const oneOrMore = <T extends z.ZodMiniType>(one: T) => z.union([one, z.array(one).check(z.minLength(1))]);

/** One seed for the whole call or one for each image; or the same as generators, where latents are given. */
export type Random =
  { readonly seed: number } | { readonly seeds: readonly number[] } | { readonly generator: Randomness };

/** For the embeddings of one pass through an encoder, and for those of the prior's loop. Measured: below 1e-6 in f32. */
export const ENCODED: Readonly<Record<ComputeType, Tolerance>> = { f32: { maxRelative: 1e-5 }, f16: { nmse: 1e-5 } };
export const SAMPLED: Readonly<Record<ComputeType, Tolerance>> = { f32: { maxRelative: 1e-3 }, f16: { nmse: 1e-4 } };

/** Cut prompts are part of a fixture. */
export const QUIET: ScriptOptions = { onWarning: () => undefined };

/** Opens the models of a folder of the fixture. */
export async function openManager(
  fixture: Fixture,
  folder: string,
  { gpu, arena }: GpuContext,
): Promise<DalleModelManager> {
  const path = fixture.location(folder);
  const pipeline = { load_type: isUrl(path) ? "url" : "local", path };
  const config = ModelLoadConfig.parse({ pipeline }, `${fixture.folder}/fixture.json`);
  return DalleModelManager.create(config, { gpu, dtype: arena.dtype, ...QUIET });
}

const seeded = z.looseObject({ torch_seeds: z.record(z.string(), oneOrMore(z.int())) });

/** The random numbers of a call. `given` are tensors that it gives in place of draws, by the number of the draw. */
export async function randomOfCall(
  fixture: Fixture,
  call: string,
  given: ReadonlyMap<number, string> = new Map(),
): Promise<Random> {
  const seed = fixture.info(seeded).torch_seeds[call];
  if (seed === undefined) throw new FormatError(`${fixture.folder}/fixture.json`, `there is no seed of ${call}`);
  return randomOf(fixture, seed, given);
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

/** Images of a fixture: bytes `[H, W, 3]`. */
export async function photosOf(fixture: Fixture, names: string | readonly string[]): Promise<RgbImage[]> {
  const tensors = await Promise.all(listOf(names).map((name) => fixture.tensor(name)));
  return tensors.map(({ shape: [height = 0, width = 0], data }) => makeImage(width, height, 3, Uint8Array.from(data)));
}

/** The random options of a call. A generator is a copy, because a script continues it. */
export function freshRandom({ random }: { readonly random: Random }): Random {
  return "generator" in random ? { generator: forkOf(random.generator) } : random;
}

/** The generators of a call, in the state before its first draw. */
export function generatorOf({ random }: { readonly random: Random }): Randomness {
  if ("generator" in random) return forkOf(random.generator);
  return "seed" in random ? new Generator(random.seed) : random.seeds.map((seed) => new Generator(seed));
}

/** Pairs values with an output of the fixture. */
export async function paired(
  fixture: Fixture,
  name: string,
  actual: ArrayLike<number>,
  tolerance: Tolerance,
): Promise<Output> {
  const { data: expected } = await fixture.tensor(`out.${name}`);
  return { name, actual, expected, tolerance };
}

/** The values of embeddings, row by row. */
export function joined(embeddings: readonly Embedding[]): number[] {
  return embeddings.flatMap(({ data }) => [...data]);
}

/** Repeats each value, side by side. */
export function repeat<T>(values: readonly T[], count: number): T[] {
  return values.flatMap((value) => new Array<T>(count).fill(value));
}

/** A list of one value or several. */
export function listOf<T extends string>(value: T | readonly T[]): readonly T[] {
  return typeof value === "string" ? [value] : value;
}

/** Exposes what scripts compute of texts. */
class Texts extends InferenceScript {
  tokens(texts: readonly string[]): Promise<Int32Array[]> {
    return this.tokenizeText(texts);
  }

  encoded(texts: readonly string[]): Promise<EncodedText[]> {
    return this.encodeTexts(texts);
  }
}

/** The encodings of texts as the decoder reads them. */
export async function contextsOf(manager: DalleModelManager, texts: readonly string[]): Promise<readonly Embedding[]> {
  return (await new Texts(manager, QUIET).encoded(texts)).map(({ textEncodings }) => textEncodings);
}

/** Compares tokens up to the end of each text: what pads them is no part of a row. */
export async function tokensOf(
  fixture: Fixture,
  manager: DalleModelManager,
  call: string,
  texts: readonly string[],
): Promise<Output[]> {
  const script = new Texts(manager, QUIET);
  const [ids, mask] = [
    await fixture.tensor(`out.${call}.input_ids`),
    await fixture.tensor(`out.${call}.attention_mask`),
  ];
  const encoded = await script.encoded(texts);
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

/** Compares the embeddings of texts with `CALL.prompt_embeds`. */
export async function textsOf(
  fixture: Fixture,
  manager: DalleModelManager,
  call: string,
  texts: readonly string[],
): Promise<Output> {
  const encoded = await new Texts(manager, QUIET).encoded(texts);
  const embeds = joined(encoded.map(({ textEmbed }) => textEmbed));
  return paired(fixture, `${call}.prompt_embeds`, embeds, ENCODED[manager.dtype]);
}

/**
 * Uses the components of a decoder in the space of latents, and keeps the latents that its U-Net samples: those of the images in the
 * last run.
 */
export class LatentTap {
  #latents: Float32Array | undefined;

  constructor(
    private readonly manager: DalleModelManager,
    private readonly arena: Arena,
  ) {}

  /** `use` of the decoder's options. */
  readonly use: UseComponent<Cascade> = (component, body) =>
    this.manager.useCascade(component, async ({ model, dtype }) => {
      const arena = this.arena.withType(dtype);
      const result = await body(model, arena);
      if (component === UNET_NAME && result instanceof Tensor) this.#latents = await arena.readNchw(result);
      return result;
    });

  /** In the order of axes of the reference. */
  get latents(): Float32Array {
    if (this.#latents) return this.#latents;
    throw new InternalError(`${UNET_NAME} of the decoder has sampled no latents.`);
  }
}

/** The embeddings of images that are already what the encoder takes: `[B, 3, side, side]`, normalised. */
export async function embeddingsOfPixels(
  manager: DalleModelManager,
  { data, shape }: HostTensor,
): Promise<readonly Embedding[]> {
  return manager.useImageEncoder(({ model, dtype }) =>
    manager.withArena(async (callArena) => {
      if (!(model instanceof TransformersImageEncoder)) throw new InternalError("The model has another image encoder.");
      const arena = callArena.withType(dtype);
      using embed = arena.scope(() => {
        const images = arena.fromNchw(data, shape as [number, number, number, number], "f32");
        return model.encode(images).embed;
      });
      return splitRows(await embed.read(), embed.shape);
    }),
  );
}
