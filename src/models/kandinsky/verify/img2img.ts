import * as z from "zod/mini";
import type { NoiseSource } from "../../../diffusion/noise.js";
import type { Fixture } from "../../../fixture/fixture.js";
import type { Output } from "../../../fixture/result.js";
import type { Runner } from "../../../fixture/runner.js";
import type { Arena } from "../../../tensor/arena.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { KandinskyCascade } from "../decoder/kandinsky-cascade.js";
import {
  decoderCall,
  embeddingsOf,
  imageOutputs,
  names,
  noiseOf,
  refusal,
  settingsOf,
  sizeOf,
  uploadPlanes,
  withDecoder,
} from "./decoder-calls.js";
import { encodedOutput } from "./encoded.js";
import { initImageOf, stacked } from "./inputs.js";

const call = z.extend(decoderCall, { image: names, strength: z._default(z.number(), 0.3) });
type Call = z.output<typeof call>;

const info = z.looseObject({
  calls: z.record(z.string(), call),
  raises: z.record(z.string(), z.looseObject({ arguments: call })),
});

/** Calls that the reference cannot run for reasons of its own, which run here. */
const RUN_HERE: readonly string[] = ["unguided-many"];

/** Latents in place of an image, which the reference cannot encode. They are no image here, either. */
const NO_IMAGES: readonly string[] = ["latents"];

/** Runs the decoder from images. */
export const verifyImg2img: Runner = async (fixture, openArena) => {
  const arena = await openArena();
  const { calls, raises } = fixture.info(info);
  return withDecoder(fixture, arena, async (cascade) => {
    const outputs: Output[] = [];
    for (const [name, one] of Object.entries(calls)) {
      using images = await imagesOf(fixture, arena, cascade, one);
      outputs.push(await encodedOutput(fixture, arena, cascade, name, images.given));
      const latents = await sample(fixture, arena, cascade, one, images.rows, noiseOf(fixture, name));
      outputs.push(...(await imageOutputs(fixture, arena, cascade, name, latents)));
    }
    for (const [name, { arguments: one }] of Object.entries(raises)) {
      if (RUN_HERE.includes(name) || NO_IMAGES.includes(name)) continue;
      using images = await imagesOf(fixture, arena, cascade, one);
      const [first] = Object.keys(calls);
      outputs.push(
        await refusal(name, () => sample(fixture, arena, cascade, one, images.rows, noiseOf(fixture, first!))),
      );
    }
    return outputs;
  });
};

/** The images of a call, and the same for each image that is sampled. */
class Images {
  constructor(
    readonly given: Tensor,
    readonly rows: Tensor,
  ) {}

  [Symbol.dispose](): void {
    this.given.dispose();
    this.rows.dispose();
  }
}

async function imagesOf(fixture: Fixture, arena: Arena, { stage }: KandinskyCascade, one: Call): Promise<Images> {
  const list = [one.image].flat();
  const planes = await Promise.all(list.map((name) => initImageOf(fixture, name, sizeOf(one), stage.latentScale)));
  const all = stacked(planes);
  using embeddings = await embeddingsOf(fixture, arena, one);
  return new Images(uploadPlanes(arena, all), uploadPlanes(arena, all, embeddings.batch / list.length));
}

async function sample(
  fixture: Fixture,
  arena: Arena,
  cascade: KandinskyCascade,
  one: Call,
  initImage: Tensor,
  noise: NoiseSource,
): Promise<Tensor> {
  using embeddings = await embeddingsOf(fixture, arena, one);
  const { imageEmbed, negativeEmbed, batch } = embeddings;
  const images = [one.image].flat().length * one.num_images_per_prompt;
  return await cascade.sampleLatents(arena, {
    ...settingsOf(one),
    imageEmbed,
    negative: { imageEmbed: negativeEmbed },
    initImage,
    strength: one.strength,
    noise: images < batch ? new SharedFirst(noise) : noise,
  });
}

/** The noise of the reference for several embeddings of one image: the first draw is the same for all. */
class SharedFirst implements NoiseSource {
  #isFirst = true;

  constructor(private readonly source: NoiseSource) {}

  randn([batch = 0, ...rest]: readonly number[]): Float32Array {
    if (!this.#isFirst) return this.source.randn([batch, ...rest]);
    this.#isFirst = false;
    const one = this.source.randn([1, ...rest]);
    const all = new Float32Array(batch * one.length);
    for (let i = 0; i < batch; i++) all.set(one, i * one.length);
    return all;
  }
}
