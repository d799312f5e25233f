import type { Tensor } from "../../tensor/tensor.js";

/** The image encoder of a CoCa. */
export interface ImageEncoder {
  /** Images `[batch, size, size, channels]` to tokens `[batch, length, dim]`. */
  forward(image: Tensor): Tensor;
}

export interface ImageShape {
  /** Side in pixels. */
  readonly size: number;
  readonly channels: number;
}
