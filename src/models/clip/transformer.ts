import { inModule } from "../../nn/in-module.js";
import { LayerNorm } from "../../nn/layer-norm.js";
import { Linear } from "../../nn/linear.js";
import type { Activation } from "../../ops/activation.js";
import { attention } from "../../ops/attention.js";
import { add, multiply } from "../../ops/elementwise.js";
import type { Epilogue } from "../../ops/epilogue.js";
import { linear } from "../../ops/linear.js";
import { padChannels } from "../../tensor/dtype.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";
import { headWidth } from "./head-width.js";
import type { TransformerShape } from "./openai-options.js";

export interface TransformerOptions extends TransformerShape {
  /** Each token sees itself and the tokens before it. */
  readonly causal: boolean;
}

/**
 * The residual attention blocks of CLIP's text and image encoders (openai/CLIP, clip/model.py).
 * @see https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/model.py#L195-L203
 * @see https://github.com/mlfoundations/open_clip/blob/30573618fc375b12f094ef64cb3a1391cf611c45/src/open_clip/transformer.py#L457-L576
 */
export class Transformer {
  readonly #blocks: readonly Block[];

  constructor(weights: Weights, options: TransformerOptions) {
    this.#blocks = Array.from({ length: options.layers }, (_, i) => new Block(weights.at("resblocks", i), options));
  }

  /** Tokens `[batch, length, width]` in and out. */
  forward(x: Tensor): Tensor {
    return x.arena.scope(() => this.#blocks.reduce((tokens, block) => block.forward(tokens), x));
  }
}

/**
 * @see https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/model.py#L171-L192
 * @see https://github.com/mlfoundations/open_clip/blob/30573618fc375b12f094ef64cb3a1391cf611c45/src/open_clip/transformer.py#L238-L300
 */
class Block {
  readonly #path: string;
  readonly #norm1: LayerNorm;
  readonly #attention: SelfAttention;
  readonly #norm2: LayerNorm;
  readonly #expand: Linear;
  readonly #contract: Linear;
  readonly #activation: Activation;
  readonly #scales: readonly [attention: Tensor, mlp: Tensor] | undefined;

  constructor(weights: Weights, options: TransformerOptions) {
    this.#path = weights.path;
    const { width, mlpWidth, activation, eps } = options;
    this.#norm1 = new LayerNorm(weights.at("ln_1"), width, { eps });
    this.#attention = new SelfAttention(weights.at("attn"), options);
    this.#norm2 = new LayerNorm(weights.at("ln_2"), width, { eps });
    this.#expand = new Linear(weights.at("mlp.c_fc"), width, mlpWidth);
    this.#contract = new Linear(weights.at("mlp.c_proj"), mlpWidth, width);
    this.#activation = activation;
    if (options.layerScale) {
      this.#scales = [weights.at("ls_1").vector("gamma", width), weights.at("ls_2").vector("gamma", width)];
    }
  }

  forward(x: Tensor): Tensor {
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const [attentionScale, mlpScale] = this.#scales ?? [];
        const attend = (out: Epilogue) => this.#attention.forward(this.#norm1.forward(x), out);
        const h = addBranch(attend, x, attentionScale);
        const hidden = this.#expand.forward(this.#norm2.forward(h), { activation: this.#activation });
        return addBranch((out) => this.#contract.forward(hidden, out), h, mlpScale);
      }),
    );
  }
}

/** `x + scale · branch`. Without a scale, the branch's own last kernel adds. */
function addBranch(branch: (out: Epilogue) => Tensor, x: Tensor, scale: Tensor | undefined): Tensor {
  return scale ? add(x, multiply(branch({}), scale)) : branch({ residual: x });
}

/** torch's `nn.MultiheadAttention`: one weight `in_proj_weight` for queries, keys and values. */
class SelfAttention {
  readonly #options: TransformerOptions;
  readonly #inWeight: Tensor;
  readonly #inBias: Tensor;
  readonly #out: Linear;

  constructor(weights: Weights, options: TransformerOptions) {
    const { width, heads } = options;
    const dimHead = headWidth(width, heads);
    const projected = { heads: 3 * heads, dimHead };
    this.#options = options;
    this.#inWeight = weights.linear("in_proj_weight", [projected, width]);
    this.#inBias = weights.vector("in_proj_bias", projected);
    this.#out = new Linear(weights.at("out_proj"), { heads, dimHead }, width);
  }

  forward(x: Tensor, out: Epilogue): Tensor {
    const { width, heads, causal } = this.#options;
    const dimHead = width / heads;
    const inner = heads * padChannels(dimHead);
    const qkv = linear(x, this.#inWeight, { bias: this.#inBias });
    const [q, k, v] = [qkv, qkv, qkv];
    const places = { qOffset: 0, kOffset: inner, vOffset: 2 * inner };
    const mixed = attention({ q, k, v, ...places, heads, kvHeads: heads, dimHead, scale: dimHead ** -0.5, causal });
    return this.#out.forward(mixed, out);
  }
}
