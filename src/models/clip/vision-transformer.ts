import { Conv2d } from "../../nn/conv2d.js";
import { LayerNorm } from "../../nn/layer-norm.js";
import { add } from "../../ops/elementwise.js";
import { broadcastBatch, concatTokens, sliceTokens } from "../../ops/layout.js";
import { linear } from "../../ops/linear.js";
import { meanToken } from "../../ops/pool.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";
import type { VitOptions } from "./openai-options.js";
import { Transformer } from "./transformer.js";

/**
 * CLIP's vision transformer (Dosovitskiy et al. 2021; `VisionTransformer` of openai/CLIP and of open_clip).
 * @see https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/model.py#L206-L240
 * @see https://github.com/mlfoundations/open_clip/blob/30573618fc375b12f094ef64cb3a1391cf611c45/src/open_clip/transformer.py#L583-L918
 */
export class VisionTransformer {
  readonly #options: VitOptions;
  readonly #patches: Conv2d;
  readonly #classEmbedding: Tensor;
  readonly #positions: Tensor;
  readonly #normPre: LayerNorm | undefined;
  readonly #transformer: Transformer;
  readonly #normPost: LayerNorm;
  readonly #projection: Tensor;

  constructor(weights: Weights, options: VitOptions, outputDim: number) {
    const { resolution, patchSize, width, eps } = options;
    const length = Math.floor(resolution / patchSize) ** 2 + 1;
    this.#options = options;
    this.#patches = new Conv2d(weights.at("conv1"), 3, width, patchSize, { stride: patchSize, bias: false });
    this.#classEmbedding = weights.table("class_embedding", [1, 1, width], { fileShape: [width] });
    this.#positions = weights.table("positional_embedding", [1, length, width], { fileShape: [length, width] });
    if (options.normPre) this.#normPre = new LayerNorm(weights.at("ln_pre"), width, { eps });
    this.#transformer = new Transformer(weights.at("transformer"), { ...options, causal: false });
    this.#normPost = new LayerNorm(weights.at("ln_post"), width, { eps });
    this.#projection = weights.matrix("proj", [width, outputDim]);
  }

  /** Normalised images `[batch, resolution, resolution, 3]` to `[batch, outputDim]`. */
  forward(image: Tensor): Tensor {
    return image.arena.scope(() => this.project(this.encode(image)));
  }

  /** The same images to tokens `[batch, length, width]`, before the last norm. */
  encode(image: Tensor): Tensor {
    const { width } = this.#options;
    const batch = image.shape[0]!;
    return image.arena.scope(() => {
      const grid = this.#patches.forward(image);
      const patches = grid.reshape([batch, grid.rows / batch, width]);
      const tokens = add(
        concatTokens([broadcastBatch(image.arena.share(this.#classEmbedding), batch), patches]),
        this.#positions,
      );
      return this.#transformer.forward(this.#normPre?.forward(tokens) ?? tokens);
    });
  }

  /** From these tokens to `[batch, outputDim]`. */
  project(x: Tensor): Tensor {
    const { width, normBeforePooling } = this.#options;
    return x.arena.scope(() => {
      const pooled = normBeforePooling ? this.#pool(this.#normPost.forward(x)) : this.#normPost.forward(this.#pool(x));
      return linear(pooled.reshape([x.shape[0]!, width]), this.#projection);
    });
  }

  /** Tokens `[batch, length, width]` to `[batch, 1, width]`. */
  #pool(x: Tensor): Tensor {
    switch (this.#options.pooling) {
      case "class":
        return sliceTokens(x, 0, 1);
      case "patches":
        return meanToken(sliceTokens(x, 1, x.shape[1]!));
      case "all":
        return meanToken(x);
    }
  }
}
