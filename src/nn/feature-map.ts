import type { Tensor } from "../tensor/tensor.js";

/**
 * Applies a layer and frees its input. Feature maps use nearly all of a U-Net's memory, so each returns to the pool as soon
 * as the next one is computed. Nothing else may use `x` (see `share`).
 */
export function applyTo(x: Tensor, layer: (x: Tensor) => Tensor): Tensor {
  const y = layer(x);
  x.dispose();
  return y;
}

/** A second handle for a feature map, disposed separately: the memory is free when both are disposed. */
export function share(x: Tensor): Tensor {
  return x.reshape(x.shape);
}

/** A feature map `[batch, height, width, channels]` viewed as tokens `[batch, positions, channels]`. */
export function asTokens(x: Tensor): Tensor {
  const [batch = 0] = x.shape;
  return x.reshape([batch, x.rows / batch, x.channels]);
}
