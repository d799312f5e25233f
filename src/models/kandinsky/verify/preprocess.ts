import * as z from "zod/mini";
import type { Fixture } from "../../../fixture/fixture.js";
import { EXACT, type Output, type Tolerance } from "../../../fixture/result.js";
import type { Runner } from "../../../fixture/runner.js";
import type { Arena } from "../../../tensor/arena.js";
import type { HostTensor } from "../../../tensor/host-tensor.js";
import { grown, latentMask } from "../decoder/kept-latents.js";
import type { Size } from "../../diffusers/latents/latents.js";
import { initImageOf, inpaintImageOf, maskOf } from "./inputs.js";

const info = z.looseObject({ sizes: z.array(z.tuple([z.int(), z.int()])) });

/** Bytes are exact; the reference scales them to [-1, 1] in other steps. */
const SCALED: Tolerance = { maxRelative: 2e-7 };

/** How many times smaller than images the latents are that images to start from are rounded to; and those of masks. */
const SCALE = 8;
const MASK_SCALE = 4;

/** Size of the tensors to start from. */
const TENSOR_SIZE: Size = [24, 40];

/** Resizes images and masks, and grows masks of latents. */
export const verifyPreprocess: Runner = async (fixture, openArena) => {
  const arena = await openArena();
  const outputs: Output[] = [];
  for (const size of fixture.info(info).sizes) outputs.push(...(await resizedOutputs(fixture, arena, size)));
  for (const name of ["unit_image", "signed_image"]) {
    const image = await initImageOf(fixture, `in.${name}`, TENSOR_SIZE, SCALE);
    outputs.push(await scaled(fixture, `${name}.img2img`, image));
  }
  for (const [image, mask] of [
    ["array", "array_mask"],
    ["signed_image", "tensor_mask"],
  ]) {
    const { shape, data } = await maskOf(fixture, `in.${mask}`, TENSOR_SIZE);
    const size: Size = [shape[2]!, shape[3]!];
    outputs.push(await exact(fixture, `${mask}.keep`, data));
    outputs.push(await scaled(fixture, `${mask}.image`, await inpaintImageOf(fixture, `in.${image}`, size)));
  }
  const mask = await fixture.tensor("in.latent_mask");
  using kept = arena.scope(() => grown(arena.fromNchw(mask.data, mask.shape as Nchw, "f32")));
  outputs.push(await exact(fixture, "grown", await arena.readNchw(kept)));
  return outputs;
};

type Nchw = [number, number, number, number];

async function resizedOutputs(fixture: Fixture, arena: Arena, size: Size): Promise<Output[]> {
  const outputs: Output[] = [];
  const suffix = size.join("x");
  for (const name of await fixture.names("in.photo.")) {
    const output = `${name.slice("in.".length)}.${suffix}`;
    outputs.push(await scaled(fixture, `${output}.img2img`, await initImageOf(fixture, name, size, SCALE)));
    outputs.push(await scaled(fixture, `${output}.inpaint`, await inpaintImageOf(fixture, name, size)));
  }
  const latents: Size = [Math.floor(size[0] / MASK_SCALE), Math.floor(size[1] / MASK_SCALE)];
  for (const name of await fixture.names("in.mask.")) {
    const output = `${name.slice("in.".length)}.${suffix}`;
    const { data, shape } = await maskOf(fixture, name, size);
    using small = arena.scope(() => latentMask(arena.fromNchw(data, shape as Nchw, "f32"), latents));
    outputs.push(await exact(fixture, `${output}.keep`, data));
    outputs.push(await exact(fixture, `${output}.latent`, await arena.readNchw(small)));
  }
  return outputs;
}

/** Values in [-1, 1], from images in [0, 1]. */
async function scaled(fixture: Fixture, name: string, { data }: HostTensor): Promise<Output> {
  const { data: expected } = await fixture.tensor(`out.${name}`);
  return { name, actual: data.map((value) => value * 2 - 1), expected, tolerance: SCALED };
}

async function exact(fixture: Fixture, name: string, actual: ArrayLike<number>): Promise<Output> {
  const { data: expected } = await fixture.tensor(`out.${name}`);
  return { name, actual, expected, tolerance: EXACT };
}
