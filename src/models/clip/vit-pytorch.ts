import type { ImageEncoderConfig } from "./config/clip-config.js";
import { LayerNorm } from "../../nn/layer-norm.js";
import { Linear } from "../../nn/linear.js";
import { attention } from "../../ops/attention.js";
import { add } from "../../ops/elementwise.js";
import { broadcastBatch, concatTokens } from "../../ops/layout.js";
import { patches } from "../../ops/patches.js";
import { padChannels } from "../../tensor/dtype.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";
import { UnsupportedError } from "../../weights/unsupported-error.js";
import type { ImageEncoder, ImageShape } from "./image-tokens.js";
import { sincosPositions } from "./sincos-positions.js";

type VitConfig = Exclude<ImageEncoderConfig, { make: "patch" }>;

/**
 * lucidrains' vit-pytorch: `ViT` (Dosovitskiy et al. 2021) and `SimpleViT` (Beyer et al. 2022), up to the transformer's
 * output tokens, in the layouts of all versions since 2021.
 * @see https://github.com/lucidrains/vit-pytorch/blob/bdaf2d14916500e2978c49833795ed3b599e220d/vit_pytorch/vit.py#L82-L129
 * @see https://github.com/lucidrains/vit-pytorch/blob/bdaf2d14916500e2978c49833795ed3b599e220d/vit_pytorch/simple_vit.py#L81-L118
 */
export class VitPytorch implements ImageEncoder {
  readonly #patchSize: number;
  readonly #embedding: PatchEmbedding;
  readonly #positions: Tensor;
  readonly #classToken: Tensor | undefined;
  readonly #blocks: readonly Block[];
  readonly #norm: LayerNorm | undefined;

  constructor(weights: Weights, config: VitConfig, image: ImageShape) {
    // An `Extractor` around it adds its own name.
    const vit = weights.has("vit.to_patch_embedding.1.weight") ? weights.at("vit") : weights;
    const { dim, depth, patch_size: patchSize } = config;
    const side = Math.floor(image.size / patchSize);
    this.#patchSize = patchSize;
    this.#embedding = new PatchEmbedding(vit.at("to_patch_embedding"), image.channels * patchSize ** 2, dim);
    if (config.make === "simple_vit") {
      if (dim % 4 !== 0 || dim < 8) {
        throw new UnsupportedError(`a SimpleViT with dim ${dim}: dim must be a multiple of 4, at least 8`);
      }
      this.#positions = sincosPositions(weights, side, dim);
    } else {
      const { positions, classToken } = learnedPositions(vit, side ** 2, dim);
      this.#positions = positions;
      this.#classToken = classToken;
    }
    const transformer = vit.at("transformer");
    this.#blocks = Array.from({ length: depth }, (_, i) => new Block(transformer.at("layers", i), config));
    // Since 1.4.0.
    this.#norm = transformer.has("norm.weight") ? new LayerNorm(transformer.at("norm"), dim) : undefined;
    vit.ignore("mlp_head.", "linear_head.");
  }

  forward(image: Tensor): Tensor {
    return image.arena.scope(() => {
      const embedded = this.#embedding.forward(patches(image, this.#patchSize));
      const tokens = this.#classToken
        ? concatTokens([broadcastBatch(image.arena.share(this.#classToken), image.shape[0]!), embedded])
        : embedded;
      const x = this.#blocks.reduce((y, block) => block.forward(y), add(tokens, this.#positions));
      return this.#norm?.forward(x) ?? x;
    });
  }
}

/** A linear layer; since 1.0.0 between two norms (Kumar et al. 2023). */
class PatchEmbedding {
  readonly #normIn: LayerNorm | undefined;
  readonly #project: Linear;
  readonly #normOut: LayerNorm | undefined;

  constructor(weights: Weights, inputs: number, dim: number) {
    const isNormed = weights.has("3.weight");
    if (isNormed) {
      this.#normIn = new LayerNorm(weights.at(1), inputs);
      this.#normOut = new LayerNorm(weights.at(3), dim);
    }
    this.#project = new Linear(weights.at(isNormed ? 2 : 1), inputs, dim);
  }

  forward(x: Tensor): Tensor {
    return x.arena.scope(() => {
      const projected = this.#project.forward(this.#normIn?.forward(x) ?? x);
      return this.#normOut?.forward(projected) ?? projected;
    });
  }
}

/**
 * Learned positions of the patches, and of a class token if there is one. ViTs that pool by the mean have none since 2025.
 */
function learnedPositions(vit: Weights, patchCount: number, dim: number) {
  const shape = vit.shapeOf("pos_embedding") ?? [];
  const hasClassToken = shape.at(-2) !== patchCount;
  const length = patchCount + Number(hasClassToken);
  const positions = vit.table("pos_embedding", [1, length, dim], { fileShape: [...shape.slice(0, -2), length, dim] });
  if (!hasClassToken) {
    vit.ignore("cls_token");
    return { positions, classToken: undefined };
  }
  const fileShape = shape.length === 2 ? [1, dim] : [1, 1, dim];
  return { positions, classToken: vit.table("cls_token", [1, 1, dim], { fileShape }) };
}

/**
 * @see https://github.com/lucidrains/vit-pytorch/blob/bdaf2d14916500e2978c49833795ed3b599e220d/vit_pytorch/vit.py#L35-L65
 * @see https://github.com/lucidrains/vit-pytorch/blob/bdaf2d14916500e2978c49833795ed3b599e220d/vit_pytorch/vit.py#L22-L33
 */
class Block {
  readonly #options: VitConfig;
  readonly #norm1: LayerNorm;
  readonly #toQkv: Linear;
  readonly #toOut: Linear;
  readonly #norm2: LayerNorm;
  readonly #expand: Linear;
  readonly #contract: Linear;

  constructor(weights: Weights, options: VitConfig) {
    const { dim, heads, dim_head: dimHead, mlp_dim: hidden } = options;
    this.#options = options;
    const names = blockNames(weights, options.make);
    this.#norm1 = new LayerNorm(weights.at("0.norm"), dim);
    this.#toQkv = new Linear(
      weights.at(names.attention, "to_qkv"),
      dim,
      { heads: 3 * heads, dimHead },
      { bias: false },
    );
    const isSimple = options.make === "simple_vit";
    this.#toOut = new Linear(weights.at(names.attention, names.out), { heads, dimHead }, dim, { bias: !isSimple });
    this.#norm2 = new LayerNorm(weights.at(names.norm2), dim);
    this.#expand = new Linear(weights.at(names.expand), dim, hidden);
    this.#contract = new Linear(weights.at(names.contract), hidden, dim);
  }

  forward(x: Tensor): Tensor {
    const { heads, dim_head: dimHead } = this.#options;
    const inner = heads * padChannels(dimHead);
    return x.arena.scope(() => {
      const qkv = this.#toQkv.forward(this.#norm1.forward(x));
      const [q, k, v] = [qkv, qkv, qkv];
      const places = { qOffset: 0, kOffset: inner, vOffset: 2 * inner };
      const scale = dimHead ** -0.5;
      const mixed = attention({ q, k, v, ...places, heads, kvHeads: heads, dimHead, scale });
      const h = this.#toOut.forward(mixed, { residual: x });
      const hidden = this.#expand.forward(this.#norm2.forward(h), { activation: "gelu" });
      return this.#contract.forward(hidden, { residual: h });
    });
  }
}

/**
 * Paths of a block's layers: until 1.2 ViT's norms were outside of the layers that they normed; dropout takes an index in
 * its lists.
 */
function blockNames(weights: Weights, make: VitConfig["make"]) {
  if (make === "simple_vit") {
    return { attention: "0", out: "to_out", norm2: "1.net.0", expand: "1.net.1", contract: "1.net.3" };
  }
  return weights.has("0.fn.to_qkv.weight")
    ? { attention: "0.fn", out: "to_out.0", norm2: "1.norm", expand: "1.fn.net.0", contract: "1.fn.net.3" }
    : { attention: "0", out: "to_out.0", norm2: "1.net.0", expand: "1.net.1", contract: "1.net.4" };
}
