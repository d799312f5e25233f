import type { Tensor } from "../tensor/tensor.js";
import { activationKinds, type Activation } from "./activation.js";
import { checkAxes, floatType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { invocations } from "./grid.js";
import { perLine } from "./parts.js";
import { ShapeError } from "./shape-error.js";

type ImageShape = [batch: number, height: number, width: number, channels: number];

/**
 * `[B, H, W, 4C]` to `[B, 2H, 2W, C]`: channel c · 4 + i · 2 + j goes to pixel (2h + i, 2w + j) (torch's
 * `PixelShuffle(2)`). Then applies the activation.
 */
export function pixelShuffle(x: Tensor, { activation = "none" }: { readonly activation?: Activation } = {}): Tensor {
  checkAxes("pixelShuffle", "x", x, ["B", "H", "W", "4C"]);
  const [batch, height, width, channels] = x.shape as ImageShape;
  if (channels % 4 !== 0) throw new ShapeError("pixelShuffle", "x", x.shape, ["B", "H", "W", "4C"]);
  const Element = floatType("pixelShuffle", "x", x);
  const y = x.arena.empty([batch, 2 * height, 2 * width, channels / 4], Element);
  const channels4 = y.stride / 4;
  dispatch(x.arena.stream, "pixelShuffle", {
    op: "pixelShuffle",
    types: { Element },
    overrides: { ACTIVATION: activationKinds[activation] },
    space: { samples: batch, lines: height },
    operands: { x: perLine(x, width * x.stride), y: perLine(y, 4 * width * y.stride) },
    call: ({ count }) => ({
      params: { invocations: count * width * channels4, width, channels: y.channels, channels4 },
      grid: invocations(count * width * channels4),
    }),
  });
  return y;
}

/**
 * `[B, 2H, 2W, C]` to `[B, H, W, 4C]`: the inverse of `pixelShuffle`, and "b c (h s1) (w s2) -> b (c s1 s2) h w" in the
 * reference.
 */
export function pixelUnshuffle(x: Tensor): Tensor {
  checkAxes("pixelUnshuffle", "x", x, ["B", "2H", "2W", "C"]);
  const [batch, height, width, channels] = x.shape as ImageShape;
  if (height % 2 !== 0 || width % 2 !== 0) throw new ShapeError("pixelUnshuffle", "x", x.shape, ["B", "2H", "2W", "C"]);
  const Element = floatType("pixelUnshuffle", "x", x);
  const y = x.arena.empty([batch, height / 2, width / 2, channels * 4], Element);
  const channels4 = x.stride / 4;
  const coarseWidth = width / 2;
  dispatch(x.arena.stream, "pixelShuffle", {
    op: "pixelUnshuffle",
    types: { Element },
    overrides: { UNSHUFFLE: true },
    space: { samples: batch, lines: height / 2 },
    operands: { x: perLine(x, 2 * width * x.stride), y: perLine(y, coarseWidth * y.stride) },
    call: ({ count }) => ({
      params: { invocations: count * coarseWidth * channels4, width: coarseWidth, channels, channels4 },
      grid: invocations(count * coarseWidth * channels4),
    }),
  });
  return y;
}
