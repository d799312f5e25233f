import type { Output } from "../../../fixture/result.js";
import type { Runner } from "../../../fixture/runner.js";
import { resizeBicubic } from "../../../ops/resize.js";
import { FORWARD } from "../../diffusers/verify/tolerances.js";

/** Resizes an image to several sizes, as between the decoder and the super-resolution U-Nets. */
export const verifyResize: Runner = async (fixture, openArena) => {
  const { shape, data } = await fixture.tensor("in.image");
  const from = shape as readonly [number, number, number, number];
  const arena = await openArena();
  const outputs: Output[] = [];
  for (const name of await fixture.names("out.")) {
    const { shape: to, data: expected } = await fixture.tensor(name);
    const [height = 0, width = 0] = to.slice(2);
    using resized = arena.scope(() => resizeBicubic(arena.fromNchw(data, from), [height, width]));
    const actual = await arena.readNchw(resized);
    outputs.push({ name: name.slice("out.".length), actual, expected, tolerance: FORWARD[arena.dtype] });
  }
  return outputs;
};
