import type { Tensor } from "../../../tensor/tensor.js";

/**
 * Applies a layer and frees its input. Feature maps are nearly all of a U-Net's memory, so each goes back to the pool as
 * soon as the next one is computed; nobody else may hold `x` (see `share`).
 */
export function applyTo(x: Tensor, layer: (x: Tensor) => Tensor): Tensor {
  const y = layer(x);
  x.dispose();
  return y;
}

/** A second handle of a feature map, freed by itself: the memory goes back when both are. */
export function share(x: Tensor): Tensor {
  return x.reshape(x.shape);
}

/** A feature map `[batch, height, width, channels]` as the tokens `[batch, positions, channels]` that it already is. */
export function asTokens(x: Tensor): Tensor {
  const [batch = 0] = x.shape;
  return x.reshape([batch, x.rows / batch, x.channels]);
}
