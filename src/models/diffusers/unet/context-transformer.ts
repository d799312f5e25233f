import { Conv2d } from "../../../nn/conv2d.js";
import { applyTo, asTokens } from "../../../nn/feature-map.js";
import { GroupNorm } from "../../../nn/group-norm.js";
import { inModule } from "../../../nn/in-module.js";
import { LayerNorm } from "../../../nn/layer-norm.js";
import { Linear } from "../../../nn/linear.js";
import { attention } from "../../../ops/attention.js";
import { geglu } from "../../../ops/elementwise.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { ContextKeys, ContextLayer } from "./context-unet.js";

export interface ContextTransformerOptions {
  readonly width: number;
  readonly heads: number;
  readonly contextDim: number;
  /** Groups of the norm before it. */
  readonly groups: number;
  /** How many blocks follow each other. */
  readonly blocks: number;
  /** Whether the projections before and behind the blocks are linear layers; otherwise they are 1×1 convolutions. */
  readonly linearProjection: boolean;
}

/** Epsilon of the norm before the blocks, whatever the config says. */
const EPS = 1e-6;

/** Channels of the hidden layer of a feed-forward, for each of the block's. */
const EXPANSION = 4;

/** The projections of an attention. The queries' have no bias, nor have the keys' and values'. */
class AttentionLayers {
  readonly #split: { readonly heads: number; readonly dimHead: number };
  readonly #toQ: Linear;
  readonly #toK: Linear;
  readonly #toV: Linear;
  readonly #toOut: Linear;

  constructor(weights: Weights, width: number, heads: number, inputs: number) {
    const split = { heads, dimHead: Math.floor(width / heads) };
    this.#split = split;
    this.#toQ = new Linear(weights.at("to_q"), width, split, { bias: false });
    this.#toK = new Linear(weights.at("to_k"), inputs, split, { bias: false });
    this.#toV = new Linear(weights.at("to_v"), inputs, split, { bias: false });
    this.#toOut = new Linear(weights.at("to_out", 0), split, width);
  }

  keysOf(context: Tensor): ContextKeys {
    return { keys: this.#toK.forward(context), values: this.#toV.forward(context) };
  }

  /** `[B, n, width]`: attention of `x` to these keys, and `residual`. */
  forward(x: Tensor, { keys, values }: ContextKeys, residual: Tensor): Tensor {
    return x.arena.scope(() => {
      const { heads, dimHead } = this.#split;
      const mixed = attention({
        q: this.#toQ.forward(x),
        k: keys,
        v: values,
        heads,
        kvHeads: heads,
        dimHead,
        scale: dimHead ** -0.5,
      });
      return this.#toOut.forward(mixed, { residual });
    });
  }
}

/** Attention among pixels, attention to the context, and a feed-forward (`BasicTransformerBlock` of diffusers). */
class Block {
  readonly #path: string;
  readonly #norms: readonly [LayerNorm, LayerNorm, LayerNorm];
  readonly #own: AttentionLayers;
  readonly #context: AttentionLayers;
  readonly #expand: Linear;
  readonly #contract: Linear;

  constructor(weights: Weights, { width, heads, contextDim }: ContextTransformerOptions) {
    const norm = (i: number) => new LayerNorm(weights.at(`norm${i}`), width);
    const feedForward = weights.at("ff.net");
    this.#path = weights.path;
    this.#norms = [norm(1), norm(2), norm(3)];
    this.#own = new AttentionLayers(weights.at("attn1"), width, heads, width);
    this.#context = new AttentionLayers(weights.at("attn2"), width, heads, contextDim);
    this.#expand = new Linear(feedForward.at(0, "proj"), width, 2 * EXPANSION * width);
    this.#contract = new Linear(feedForward.at(2), EXPANSION * width, width);
  }

  prepare(context: Tensor): ContextKeys {
    return inModule(context.arena, this.#path, () => this.#context.keysOf(context));
  }

  /** `[B, n, width]` in and out. */
  forward(x: Tensor, context: ContextKeys): Tensor {
    const [norm1, norm2, norm3] = this.#norms;
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const own = applyTo(norm1.forward(x), (normed) => this.#own.forward(normed, this.#own.keysOf(normed), x));
        const attended = applyTo(own, (own) =>
          applyTo(norm2.forward(own), (n) => this.#context.forward(n, context, own)),
        );
        const hidden = applyTo(this.#expand.forward(norm3.forward(attended)), geglu);
        return this.#contract.forward(hidden, { residual: attended });
      }),
    );
  }
}

/**
 * Transformer blocks on the pixels of a feature map, which also attend to a context, with a residual connection
 * (`Transformer2DModel` of diffusers).
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/transformers/transformer_2d.py#L325-L480
 */
export class ContextTransformer implements ContextLayer {
  readonly #path: string;
  readonly #norm: GroupNorm;
  readonly #projIn: Linear | Conv2d;
  readonly #blocks: readonly Block[];
  readonly #projOut: Linear | Conv2d;

  constructor(weights: Weights, options: ContextTransformerOptions) {
    const { width, groups, blocks, linearProjection } = options;
    const projection = (name: string) =>
      linearProjection ? new Linear(weights.at(name), width, width) : new Conv2d(weights.at(name), width, width, 1);
    this.#path = weights.path;
    this.#norm = new GroupNorm(weights.at("norm"), groups, width, { eps: EPS });
    this.#projIn = projection("proj_in");
    this.#blocks = Array.from({ length: blocks }, (_, i) => new Block(weights.at("transformer_blocks", i), options));
    this.#projOut = projection("proj_out");
  }

  prepare(context: Tensor): readonly ContextKeys[] {
    return inModule(context.arena, this.#path, () => this.#blocks.map((block) => block.prepare(context)));
  }

  forward(x: Tensor, context: readonly ContextKeys[]): Tensor {
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        let h = asTokens(applyTo(this.#norm.forward(x), (normed) => this.#projIn.forward(normed)));
        for (const [i, block] of this.#blocks.entries()) h = applyTo(h, (h) => block.forward(h, context[i]!));
        return this.#projOut.forward(h.reshape(x.shape), { residual: x });
      }),
    );
  }
}
