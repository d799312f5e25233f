import { clamp } from "../../ops/elementwise.js";
import { resizeCubic, resizeNearest } from "../../ops/resize.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { NetworkDialect } from "./dialect/flags.js";

/** Resizes an image f32 NHWC to `side` × `side` pixels. `range` is the range of its values. */
export type LowresResize = (image: Tensor, side: number, range: readonly [low: number, high: number]) => Tensor;

/**
 * How a version enlarges the image of one stage for the next. An image of the right size does not change.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2382-L2473
 */
export function lowresResizeOf({ lowresResize }: Pick<NetworkDialect, "lowresResize">): LowresResize {
  return (image, side, range) => (image.shape[1] === side ? image : RESIZES[lowresResize](image, side, range));
}

const RESIZES: Readonly<Record<NetworkDialect["lowresResize"], LowresResize>> = {
  cubic: (image, side) => resizeCubic(image, [side, side]),
  cubicClamp: (image, side, [low, high]) => clamp(resizeCubic(image, [side, side]), low, high),
  nearest: (image, side, [low, high]) => clamp(resizeNearest(image, [side, side]), low, high),
};
