import { Conv2d } from "../../nn/conv2d.js";
import { LayerNorm } from "../../nn/layer-norm.js";
import { add } from "../../ops/elementwise.js";
import { broadcastBatch, concatTokens, sliceTokens } from "../../ops/layout.js";
import { linear } from "../../ops/linear.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";
import type { VitOptions } from "./openai-options.js";
import { Transformer } from "./transformer.js";

/** CLIP's vision transformer (Dosovitskiy et al. 2021; `VisionTransformer` of openai/CLIP). */
export class VisionTransformer {
  readonly #width: number;
  readonly #patches: Conv2d;
  readonly #classEmbedding: Tensor;
  readonly #positions: Tensor;
  readonly #normPre: LayerNorm;
  readonly #transformer: Transformer;
  readonly #normPost: LayerNorm;
  readonly #projection: Tensor;

  constructor(weights: Weights, options: VitOptions, outputDim: number) {
    const { resolution, patchSize, width } = options;
    const length = (resolution / patchSize) ** 2 + 1;
    this.#width = width;
    this.#patches = new Conv2d(weights.at("conv1"), 3, width, patchSize, { stride: patchSize, bias: false });
    this.#classEmbedding = weights.table("class_embedding", [1, 1, width], { fileShape: [width] });
    this.#positions = weights.table("positional_embedding", [1, length, width], { fileShape: [length, width] });
    this.#normPre = new LayerNorm(weights.at("ln_pre"), width);
    this.#transformer = new Transformer(weights.at("transformer"), { ...options, causal: false });
    this.#normPost = new LayerNorm(weights.at("ln_post"), width);
    this.#projection = weights.matrix("proj", [width, outputDim]);
  }

  /** Normalised images `[batch, resolution, resolution, 3]` to `[batch, outputDim]`. */
  forward(image: Tensor): Tensor {
    const width = this.#width;
    const batch = image.shape[0]!;
    return image.arena.scope(() => {
      const grid = this.#patches.forward(image);
      const patches = grid.reshape([batch, grid.rows / batch, width]);
      const tokens = concatTokens([broadcastBatch(this.#classEmbedding, batch), patches]);
      const x = this.#transformer.forward(this.#normPre.forward(add(tokens, this.#positions)));
      const classToken = this.#normPost.forward(sliceTokens(x, 0, 1)).reshape([batch, width]);
      return linear(classToken, this.#projection);
    });
  }
}
