import { inModule } from "../../nn/in-module.js";
import { NormedConv2d } from "../../nn/normed-conv2d.js";
import { activate } from "../../ops/elementwise.js";
import { averagePool } from "../../ops/pool.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";
import { AttentionPool } from "./attention-pool.js";
import type { ResNetOptions } from "./openai-options.js";

/** Ratio of a bottleneck's output channels to its inner channels. */
const EXPANSION = 4;

/**
 * CLIP's residual network (He et al. 2016; `ModifiedResNet` of openai/CLIP): a stem of three convolutions, pooling before
 * convolutions instead of strides, and attention at the end.
 * @see https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/model.py#L94-L154
 */
export class ModifiedResNet {
  readonly #stem: readonly NormedConv2d[];
  readonly #blocks: readonly Bottleneck[];
  readonly #pool: AttentionPool;

  constructor(weights: Weights, { resolution, width, layers, heads }: ResNetOptions, outputDim: number) {
    const half = Math.floor(width / 2);
    const stem = (i: number, inputs: number, outputs: number, stride: number): NormedConv2d =>
      new NormedConv2d(weights.at(`conv${i}`), weights.at(`bn${i}`), [inputs, outputs, 3], { stride, padding: 1 });
    this.#stem = [stem(1, 3, half, 2), stem(2, half, half, 1), stem(3, half, width, 1)];
    let inputs = width;
    this.#blocks = layers.flatMap((count, stage) => {
      const channels = width * 2 ** stage;
      return Array.from({ length: count }, (_, i) => {
        const stride = stage > 0 && i === 0 ? 2 : 1;
        const block = new Bottleneck(weights.at(`layer${stage + 1}`, i), { inputs, channels, stride });
        inputs = EXPANSION * channels;
        return block;
      });
    });
    const side = resolution / 32;
    this.#pool = new AttentionPool(weights.at("attnpool"), { side, channels: inputs, heads, outputDim });
  }

  /** Normalised images `[batch, resolution, resolution, 3]` to `[batch, outputDim]`. */
  forward(image: Tensor): Tensor {
    return image.arena.scope(() => {
      const features = this.#stem.reduce((x, conv) => conv.forward(x, { activation: "relu" }), image);
      const first = averagePool(features, [2, 2]);
      return this.#pool.forward(this.#blocks.reduce((x, block) => block.forward(x), first));
    });
  }
}

interface BottleneckOptions {
  readonly inputs: number;
  readonly channels: number;
  readonly stride: number;
}

/** @see https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/model.py#L10-L55 */
class Bottleneck {
  readonly #path: string;
  readonly #stride: number;
  readonly #reduce: NormedConv2d;
  readonly #conv: NormedConv2d;
  readonly #expand: NormedConv2d;
  readonly #downsample: NormedConv2d | undefined;

  constructor(weights: Weights, { inputs, channels, stride }: BottleneckOptions) {
    this.#path = weights.path;
    const outputs = EXPANSION * channels;
    this.#stride = stride;
    this.#reduce = new NormedConv2d(weights.at("conv1"), weights.at("bn1"), [inputs, channels, 1]);
    this.#conv = new NormedConv2d(weights.at("conv2"), weights.at("bn2"), [channels, channels, 3], { padding: 1 });
    this.#expand = new NormedConv2d(weights.at("conv3"), weights.at("bn3"), [channels, outputs, 1]);
    if (stride > 1 || inputs !== outputs) {
      const shortcut = weights.at("downsample");
      this.#downsample = new NormedConv2d(shortcut.at(0), shortcut.at(1), [inputs, outputs, 1]);
    }
  }

  forward(x: Tensor): Tensor {
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const reduced = this.#reduce.forward(x, { activation: "relu" });
        const convolved = this.#pooled(this.#conv.forward(reduced, { activation: "relu" }));
        const residual = this.#downsample?.forward(this.#pooled(x)) ?? x;
        return activate(this.#expand.forward(convolved, { residual }), "relu");
      }),
    );
  }

  #pooled(x: Tensor): Tensor {
    return this.#stride === 1 ? x : averagePool(x, [this.#stride, this.#stride]);
  }
}
