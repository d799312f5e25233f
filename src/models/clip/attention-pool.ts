import { inModule } from "../../nn/in-module.js";
import { Linear } from "../../nn/linear.js";
import { attention } from "../../ops/attention.js";
import { add } from "../../ops/elementwise.js";
import { concatTokens, sliceTokens } from "../../ops/layout.js";
import { meanToken } from "../../ops/pool.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";
import { headWidth } from "./head-width.js";

export interface AttentionPoolOptions {
  /** Side of the feature map. */
  readonly side: number;
  readonly channels: number;
  readonly heads: number;
  readonly outputDim: number;
}

/**
 * Pools a feature map by attention from its mean to every pixel (`AttentionPool2d` of openai/CLIP).
 * @see https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/model.py#L58-L91
 */
export class AttentionPool {
  readonly #path: string;
  readonly #options: AttentionPoolOptions;
  readonly #positions: Tensor;
  readonly #q: Linear;
  readonly #k: Linear;
  readonly #v: Linear;
  readonly #out: Linear;

  constructor(weights: Weights, options: AttentionPoolOptions) {
    this.#path = weights.path;
    const { side, channels, heads, outputDim } = options;
    const length = side ** 2 + 1;
    this.#options = options;
    this.#positions = weights.table("positional_embedding", [1, length, channels], { fileShape: [length, channels] });
    const inHeads = { heads, dimHead: headWidth(channels, heads) };
    this.#q = new Linear(weights.at("q_proj"), channels, inHeads);
    this.#k = new Linear(weights.at("k_proj"), channels, inHeads);
    this.#v = new Linear(weights.at("v_proj"), channels, inHeads);
    this.#out = new Linear(weights.at("c_proj"), inHeads, outputDim);
  }

  /** `[batch, side, side, channels]` to `[batch, outputDim]`. */
  forward(x: Tensor): Tensor {
    const { side, channels, heads, outputDim } = this.#options;
    const batch = x.shape[0]!;
    const dimHead = channels / heads;
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const pixels = x.reshape([batch, side * side, channels]);
        const tokens = add(concatTokens([meanToken(pixels), pixels]), this.#positions);
        const pooled = attention({
          q: this.#q.forward(sliceTokens(tokens, 0, 1)),
          k: this.#k.forward(tokens),
          v: this.#v.forward(tokens),
          heads,
          kvHeads: heads,
          dimHead,
          scale: dimHead ** -0.5,
        });
        return this.#out.forward(pooled).reshape([batch, outputDim]);
      }),
    );
  }
}
