import type { Fixture } from "../../../fixture/fixture.js";
import type { Output } from "../../../fixture/result.js";
import type { Arena } from "../../../tensor/arena.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { KandinskyCascade } from "../decoder/kandinsky-cascade.js";
import { LATENT_FORWARD } from "../../diffusers/verify/tolerances.js";

/** Compares the latents of the images of a call, which are in [0, 1]. */
export async function encodedOutput(
  fixture: Fixture,
  arena: Arena,
  { stage }: KandinskyCascade,
  name: string,
  images: Tensor,
): Promise<Output> {
  using encoded = await stage.codec.encodeUnit(arena, images);
  const { data: expected } = await fixture.tensor(`out.${name}.encoded`);
  const actual = await arena.readNchw(encoded);
  return { name: `${name}.encoded`, actual, expected, tolerance: LATENT_FORWARD[arena.dtype] };
}
