import * as z from "zod/mini";
import type { Fixture } from "../../../fixture/fixture.js";
import type { Output } from "../../../fixture/result.js";
import type { Runner } from "../../../fixture/runner.js";
import { repeatBatch, selectBatch } from "../../../ops/layout.js";
import type { Arena } from "../../../tensor/arena.js";
import { HeldTensors } from "../../../tensor/held-tensors.js";
import type { HostTensor } from "../../../tensor/host-tensor.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { KandinskyCascade } from "../decoder/kandinsky-cascade.js";
import { latentMask } from "../decoder/kept-latents.js";
import type { KeptLatents } from "../../diffusers/latents/kept-latents.js";
import type { Size } from "../../diffusers/latents/latents.js";
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
import { inpaintImageOf, maskOf, stacked } from "./inputs.js";

const call = z.extend(decoderCall, { image: names, mask_image: names });
type Call = z.output<typeof call>;

const info = z.looseObject({
  calls: z.record(z.string(), call),
  raises: z.record(z.string(), z.looseObject({ arguments: call })),
});

/** Generates parts of images. White of the fixture's masks is generated; ours say what is kept. */
export const verifyInpaint: Runner = async (fixture, openArena) => {
  const arena = await openArena();
  const { calls, raises } = fixture.info(info);
  return withDecoder(fixture, arena, async (cascade) => {
    const outputs: Output[] = [];
    for (const [name, one] of Object.entries(calls)) {
      const { image, mask } = await inputsOf(fixture, one);
      using given = uploadPlanes(arena, image);
      outputs.push(await encodedOutput(fixture, arena, cascade, name, given));
      const latents = await sample(fixture, arena, cascade, { one, name, image, mask });
      outputs.push(...(await imageOutputs(fixture, arena, cascade, name, latents)));
    }
    for (const [refused, { arguments: one }] of Object.entries(raises)) {
      const inputs = await inputsOf(fixture, one);
      const name = Object.keys(calls)[0]!;
      outputs.push(await refusal(refused, () => sample(fixture, arena, cascade, { one, name, ...inputs })));
    }
    return outputs;
  });
};

interface Inpainting {
  readonly one: Call;
  readonly name: string;
  readonly image: HostTensor;
  readonly mask: HostTensor;
}

async function inputsOf(fixture: Fixture, one: Call): Promise<Pick<Inpainting, "image" | "mask">> {
  const read = async (list: string | readonly string[], each: (name: string) => Promise<HostTensor>) =>
    stacked(await Promise.all([list].flat().map((name) => each(name))));
  const size = sizeOf(one);
  return {
    image: await read(one.image, (name) => inpaintImageOf(fixture, name, size)),
    mask: await read(one.mask_image, (name) => maskOf(fixture, name, size)),
  };
}

async function sample(
  fixture: Fixture,
  arena: Arena,
  cascade: KandinskyCascade,
  { one, name, image, mask }: Inpainting,
): Promise<Tensor> {
  using embeddings = await embeddingsOf(fixture, arena, one);
  const { imageEmbed, negativeEmbed } = embeddings;
  const count = one.num_images_per_prompt;
  using inpaintImage = uploadPlanes(arena, image, count);
  using inpaintMask = uploadPlanes(arena, mask, count);
  const shared = { ...settingsOf(one), imageEmbed, noise: noiseOf(fixture, name) };
  if (image.shape[0] === 1) {
    return await cascade.sampleLatents(arena, {
      ...shared,
      negative: { imageEmbed: negativeEmbed },
      inpaintImage,
      inpaintMask,
    });
  }
  // In a list, the reference keeps the first image in all of them. Its U-Net sees each one's own.
  using held = new HeldTensors(arena);
  const { kept, size } = await keptOf(arena, held, cascade, inpaintImage, inpaintMask);
  const imposed = held.hold(() => ({ latents: firstOf(kept.latents), mask: firstOf(kept.mask) }));
  return await cascade.stage.sampleLatents(arena, { ...shared, negativeEmbed, kept, imposed, size });
}

async function keptOf(
  arena: Arena,
  held: HeldTensors,
  { stage }: KandinskyCascade,
  image: Tensor,
  mask: Tensor,
): Promise<{ readonly kept: KeptLatents; readonly size: Size }> {
  using encoded = await stage.codec.encodeUnit(arena, image);
  const [, height = 0, width = 0] = encoded.shape;
  const size: Size = [height, width];
  const kept = held.hold(() => ({ latents: arena.share(encoded), mask: latentMask(arena.share(mask), size) }));
  return { kept, size };
}

/** The first of a batch, as often. */
function firstOf(batch: Tensor): Tensor {
  return repeatBatch(selectBatch(batch, 0, 1), batch.shape[0]!);
}
