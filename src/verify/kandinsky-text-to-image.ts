import * as z from "zod/mini";
import { NoisePerImage } from "../diffusion/noise.js";
import type { Fixture } from "../fixture/fixture.js";
import type { Output } from "../fixture/result.js";
import type { Runner } from "../fixture/runner.js";
import { BYTES, LOOP } from "../models/diffusers/verify/tolerances.js";
import { clamp } from "../ops/elementwise.js";
import { decoderOf } from "../pipeline/decoder-call.js";
import { splitRows, stackRows, type Embedding } from "../pipeline/embedding.js";
import { readImages } from "../pipeline/generated-image.js";
import type { DalleModelManager } from "../pipeline/manager/model-manager.js";
import type { Randomness } from "../pipeline/randomness.js";
import { generatorOf, LatentTap, oneOrMore, openManager, paired, randomOfCall } from "./diffusers.js";
import { pairsOf, pairsOutputs, textCall } from "./kandinsky.js";

const count = z.int().check(z.positive());

const decoding = {
  height: z._default(count, 512),
  width: z._default(count, 512),
  num_inference_steps: z._default(count, 100),
  guidance_scale: z._default(z.number(), 4),
  num_images_per_prompt: z._default(count, 1),
  latents: z.optional(z.string()),
};

const combinedCall = z.looseObject({
  ...decoding,
  prompt: oneOrMore(z.string()),
  negative_prompt: z.optional(oneOrMore(z.string())),
  prior_num_inference_steps: z.optional(count),
  prior_guidance_scale: z._default(z.number(), 4),
});

const decoderCall = z.looseObject({ ...decoding, image_embeds: z.string(), negative_image_embeds: z.string() });
type Decoding = Pick<z.output<typeof decoderCall>, "height" | "width" | "num_inference_steps" | "guidance_scale">;

const info = z.looseObject({
  model: z.string(),
  /** The folder of the prior; in a combined pipeline, that of the model. */
  prior_model: z.optional(z.string()),
  calls: z.record(z.string(), combinedCall),
  decoder_calls: z.optional(z.record(z.string(), decoderCall)),
});

/** Embeddings of the wanted images, and those to guide away from. */
interface Embedded {
  readonly images: readonly Embedding[];
  readonly negative: readonly Embedding[];
}

/** Verifies text to image: `KandinskyV22CombinedPipeline`, and its decoder alone. */
export const verifyKandinskyTextToImage: Runner = async (fixture, _, openContext) => {
  const { model, prior_model: priorModel = model, calls, decoder_calls: decoderCalls = {} } = fixture.info(info);
  const context = await openContext();
  using decoder = await openManager(fixture, model, context);
  using prior = await openManager(fixture, priorModel, context);
  const outputs: Output[] = [];
  for (const [name, call] of Object.entries(calls)) {
    // One generator goes through both models.
    const generator = await generatorOfCall(fixture, name, call.latents);
    const pairs = await pairsOf(prior, priorCallOf(call), generator);
    outputs.push(...(await pairsOutputs(fixture, prior, name, pairs)));
    const embedded = { images: pairs.map(({ embedding }) => embedding), negative: pairs.map((one) => one.negative) };
    outputs.push(...(await imageOutputs(fixture, decoder, { name, call, embedded, generator })));
  }
  for (const [name, call] of Object.entries(decoderCalls)) {
    const read = async (tensor: string) => {
      const { data, shape } = await fixture.tensor(tensor);
      return splitRows(data, shape);
    };
    const embedded = { images: await read(call.image_embeds), negative: await read(call.negative_image_embeds) };
    const generator = await generatorOfCall(fixture, name, call.latents);
    outputs.push(...(await imageOutputs(fixture, decoder, { name, call, embedded, generator })));
  }
  return outputs;
};

/** `latents` names what is given in place of the first draw. */
async function generatorOfCall(fixture: Fixture, name: string, latents: string | undefined): Promise<Randomness> {
  const given = new Map(latents === undefined ? [] : [[0, latents] as const]);
  return generatorOf({ random: await randomOfCall(fixture, name, given) });
}

function priorCallOf(call: z.output<typeof combinedCall>): z.output<typeof textCall> {
  return {
    prompt: call.prompt,
    negative_prompt: call.negative_prompt,
    num_inference_steps: call.prior_num_inference_steps,
    guidance_scale: call.prior_guidance_scale,
    num_images_per_prompt: call.num_images_per_prompt,
  };
}

interface DecoderRun {
  readonly name: string;
  readonly call: Decoding;
  readonly embedded: Embedded;
  readonly generator: Randomness;
}

async function imageOutputs(
  fixture: Fixture,
  manager: DalleModelManager,
  { name, call, embedded, generator }: DecoderRun,
): Promise<Output[]> {
  const { latents, values, bytes } = await manager.withArena(async (arena) => {
    const tap = new LatentTap(manager, arena);
    using imageEmbed = stackRows(arena, embedded.images, "f32");
    using negativeEmbed = stackRows(arena, embedded.negative, "f32");
    using sampled = await decoderOf(manager).sample(arena, {
      imageEmbed,
      negative: { imageEmbed: negativeEmbed },
      size: [call.height, call.width],
      steps: call.num_inference_steps,
      // The reference guides by scales above 1 alone.
      condScale: Math.max(1, call.guidance_scale),
      noise: "randn" in generator ? generator : new NoisePerImage(generator),
      use: tap.use,
    });
    using images = arena.scope(() => clamp(arena.share(sampled), 0, 1));
    const bytes = await readImages(images, decoderOf(manager).byteRounding);
    return { latents: tap.latents, values: await images.read(), bytes };
  });
  const all = bytes.flatMap(({ data }) => [...data]);
  return [
    await paired(fixture, `${name}.latents`, latents, LOOP[manager.dtype]),
    await paired(fixture, `${name}.images`, values, LOOP[manager.dtype]),
    await paired(fixture, `${name}.uint8`, all, BYTES[manager.dtype]),
  ];
}
