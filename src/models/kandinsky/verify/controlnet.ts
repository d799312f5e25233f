import * as z from "zod/mini";
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
  noiseOf,
  refusal,
  settingsOf,
  sizeOf,
  uploadPlanes,
  withDecoder,
} from "./decoder-calls.js";
import { unetOutputs } from "./unet.js";

const call = z.extend(decoderCall, { hint: z.string() });
type Call = z.output<typeof call>;

const info = z.looseObject({
  calls: z.record(z.string(), call),
  raises: z.record(z.string(), z.looseObject({ arguments: call })),
});

/** Calls that the reference cannot run for reasons of its own, which run here. */
const RUN_HERE: readonly string[] = ["unguided-many"];

/** Runs the U-Net and the decoder with hints. */
export const verifyControlnet: Runner = async (fixture, openArena) => {
  const arena = await openArena();
  const { calls, raises } = fixture.info(info);
  const forwards = await unetOutputs(fixture, arena, "unet_calls");
  const sampled = await withDecoder(fixture, arena, async (cascade) => {
    const outputs: Output[] = [];
    for (const [name, one] of Object.entries(calls)) {
      const latents = await sample(fixture, arena, cascade, one, name);
      outputs.push(...(await imageOutputs(fixture, arena, cascade, name, latents)));
    }
    const name = Object.keys(calls)[0]!;
    for (const [refused, { arguments: one }] of Object.entries(raises)) {
      if (RUN_HERE.includes(refused)) continue;
      outputs.push(await refusal(refused, () => sample(fixture, arena, cascade, one, name)));
    }
    return outputs;
  });
  return [...forwards, ...sampled];
};

async function sample(
  fixture: Fixture,
  arena: Arena,
  cascade: KandinskyCascade,
  one: Call,
  name: string,
): Promise<Tensor> {
  using embeddings = await embeddingsOf(fixture, arena, one);
  const { imageEmbed, negativeEmbed } = embeddings;
  using hint = uploadPlanes(arena, await fixture.tensor(one.hint), one.num_images_per_prompt);
  return await cascade.sampleLatents(arena, {
    ...settingsOf(one),
    imageEmbed,
    negative: { imageEmbed: negativeEmbed },
    hint,
    size: sizeOf(one),
    noise: noiseOf(fixture, name),
  });
}
