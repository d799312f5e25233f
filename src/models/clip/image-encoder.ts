import type { ImageEncoderConfig } from "./config/clip-config.js";
import { Conv2d } from "../../nn/conv2d.js";
import { LayerNorm } from "../../nn/layer-norm.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";
import type { ImageEncoder, ImageShape } from "./image-tokens.js";
import { VitPytorch } from "./vit-pytorch.js";

/** Creates the image encoder in a CoCa's config. */
export function createImageEncoder(weights: Weights, config: ImageEncoderConfig, image: ImageShape): ImageEncoder {
  return config.make === "patch"
    ? new PatchEncoder(weights, config, image.channels)
    : new VitPytorch(weights, config, image);
}

/** A convolution whose stride is its kernel size, and a layer norm. */
class PatchEncoder implements ImageEncoder {
  readonly #dim: number;
  readonly #project: Conv2d;
  readonly #norm: LayerNorm;

  constructor(weights: Weights, { dim, patch_size: stride }: ImageEncoderConfig, channels: number) {
    this.#dim = dim;
    this.#project = new Conv2d(weights.at("proj"), channels, dim, stride, { stride });
    this.#norm = new LayerNorm(weights.at("norm"), dim);
  }

  forward(image: Tensor): Tensor {
    return image.arena.scope(() => {
      const grid = this.#project.forward(image);
      const batch = image.shape[0]!;
      return this.#norm.forward(grid.reshape([batch, grid.rows / batch, this.#dim]));
    });
  }
}
