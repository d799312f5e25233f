import { Conv2d } from "../../nn/conv2d.js";
import { concatChannels } from "../../ops/layout.js";
import { ShapeError } from "../../ops/shape-error.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";
import type { Architecture, Stage } from "./architecture.js";
import type { Conditions } from "./conditioning.js";
import { downsample, type Layer } from "./downsample.js";
import { advance, share } from "./feature-map.js";
import { LinearAttention } from "./linear-attention.js";
import { ResnetBlock } from "./resnet-block.js";
import { SelfAttention } from "./self-attention.js";
import { upsample } from "./upsample.js";

/** One resolution on the way down. Its feature maps go onto a stack of skips, from which the way up takes them. */
export class DownStage {
  readonly #preDownsample: Layer | undefined;
  readonly #initBlock: ResnetBlock;
  readonly #blocks: readonly ResnetBlock[];
  readonly #attention: Layer | undefined;
  readonly #postDownsample: Layer;

  constructor(weights: Weights, stage: Stage, unet: Architecture) {
    const at = unet.layout.down;
    const { dimIn, dimOut, dimDown, groups, crossAttend } = stage;
    const samplesFirst = unet.memoryEfficient;
    this.#preDownsample = samplesFirst ? downsample(weights.at(at.preDownsample), dimIn, dimOut, unet) : undefined;
    this.#initBlock = new ResnetBlock(weights.at(at.initBlock), dimDown, dimDown, { groups }, unet);
    this.#blocks = Array.from(
      { length: stage.blocks },
      (_, j) => new ResnetBlock(weights.at(at.blocks, j), dimDown, dimDown, { groups, crossAttend }, unet),
    );
    this.#attention = stageAttention(weights.at(at.attention), dimDown, stage, unet);
    const post = weights.at(at.postDownsample);
    this.#postDownsample =
      samplesFirst || stage.isLast ? new Conv2d(post, dimDown, dimOut, 1) : downsample(post, dimDown, dimOut, unet);
  }

  /**
   * Consumes `x`; `[B, H, W, dimIn]` to `[B, H/2, W/2, dimOut]`. Where stages downsample last, the last of them keeps its
   * size.
   */
  forward(x: Tensor, { time, tokens }: Conditions, skips: Tensor[]): Tensor {
    if (this.#preDownsample) x = apply(this.#preDownsample, x);
    x = advance(x, (x) => this.#initBlock.forward(x, time, tokens));
    for (const block of this.#blocks) {
      x = advance(x, (x) => block.forward(x, time, tokens));
      skips.push(share(x));
    }
    if (this.#attention) x = apply(this.#attention, x);
    skips.push(share(x));
    return apply(this.#postDownsample, x);
  }
}

/** One resolution on the way up. */
export class UpStage {
  readonly #blocks: readonly ResnetBlock[];
  readonly #attention: Layer | undefined;
  readonly #upsample: Layer | undefined;
  readonly #skipScale: number;

  constructor(weights: Weights, stage: Stage, unet: Architecture) {
    const at = unet.layout.up;
    const { dimIn, dimOut, dimDown, groups, crossAttend } = stage;
    const places = Array.from({ length: stage.blocks }, (_, j) => weights.at(at.blocks, j));
    this.#blocks = [weights.at(at.initBlock), ...places].map(
      (place) => new ResnetBlock(place, dimOut + dimDown, dimOut, { groups, crossAttend }, unet),
    );
    this.#attention = stageAttention(weights.at(at.attention), dimOut, stage, unet);
    const isLargest = stage.isFirst && !unet.memoryEfficient;
    this.#upsample = isLargest ? undefined : upsample(weights.at(at.upsample), dimOut, dimIn, unet);
    this.#skipScale = unet.skipScale;
  }

  /** Consumes `x` and as many skips as it has blocks; the result has the size and `dimOut` of this resolution. */
  forward(x: Tensor, { time, tokens }: Conditions, skips: Tensor[]): Tensor {
    for (const block of this.#blocks) {
      x = this.#connectSkip(x, skips);
      x = advance(x, (x) => block.forward(x, time, tokens));
    }
    return this.#attention ? apply(this.#attention, x) : x;
  }

  /** To the next larger resolution, `[B, 2H, 2W, dimIn]`; the largest stays as it is. Consumes `x`. */
  upsample(x: Tensor): Tensor {
    return this.#upsample ? apply(this.#upsample, x) : x;
  }

  #connectSkip(x: Tensor, skips: Tensor[]): Tensor {
    const skip = skips.pop();
    if (!skip) throw new ShapeError("UpStage.forward", "skips", "an empty stack", "one skip for each block");
    return advance(skip, (skip) => advance(x, (x) => concatChannels([x, skip], [1, this.#skipScale])));
  }
}

function apply(layer: Layer, x: Tensor): Tensor {
  return advance(x, (x) => layer.forward(x));
}

function stageAttention(weights: Weights, dim: number, stage: Stage, unet: Architecture): Layer | undefined {
  switch (stage.attention) {
    case "self":
      return new SelfAttention(weights, dim, unet);
    case "linear":
      return new LinearAttention(weights, dim, unet);
    case "none":
      return undefined;
  }
}
