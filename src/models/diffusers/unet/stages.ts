import { inModule } from "../../../nn/in-module.js";
import { concatChannels } from "../../../ops/layout.js";
import { ShapeError } from "../../../ops/shape-error.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { applyTo, share } from "../../../nn/feature-map.js";
import {
  declareDownsample,
  declareUpsample,
  type Downsample,
  type ResampledUnet,
  type Upsample,
} from "./resampling.js";
import { ResnetBlock } from "./resnet-block.js";

/** A layer behind a residual block. `Conditions` is what the layers of a kind of U-Net read, beside the time. */
export interface Attention<Conditions> {
  forward(x: Tensor, conditions: Conditions): Tensor;
}

/** What the layers of a pass read: what residual blocks get of the time, `[B, *]`, and the rest. */
export interface PassInputs<Conditions> {
  readonly modulations: Tensor;
  readonly conditions: Conditions;
}

/** Declares the attention of a stage's j-th residual block. */
export type DeclareAttention<Conditions> = (weights: Weights) => Attention<Conditions>;

export interface StageOptions<Conditions> {
  readonly width: number;
  readonly unet: ResampledUnet;
  /** Undefined: residual blocks alone. */
  readonly attention: DeclareAttention<Conditions> | undefined;
}

interface Layer<Conditions> {
  readonly block: ResnetBlock;
  readonly attention: Attention<Conditions> | undefined;
}

function declareLayers<Conditions>(
  weights: Weights,
  widthsIn: readonly number[],
  { width, unet, attention }: StageOptions<Conditions>,
): readonly Layer<Conditions>[] {
  return widthsIn.map((widthIn, j) => ({
    block: new ResnetBlock(weights.at("resnets", j), widthIn, width, unet),
    attention: attention?.(weights.at("attentions", j)),
  }));
}

/** Runs a residual block and its attention. Consumes `x`. */
function runLayer<Conditions>(
  x: Tensor,
  { block, attention }: Layer<Conditions>,
  { modulations, conditions }: PassInputs<Conditions>,
): Tensor {
  const h = applyTo(x, (x) => block.forward(x, modulations));
  return attention ? applyTo(h, (h) => attention.forward(h, conditions)) : h;
}

/**
 * One resolution on the way down (`ResnetDownsampleBlock2D` and `SimpleCrossAttnDownBlock2D` of diffusers, or `DownBlock2D` and
 * `CrossAttnDownBlock2D`).
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/unets/unet_2d_blocks.py#L1756-L1994
 */
export class DownStage<Conditions> {
  readonly #path: string;
  readonly #layers: readonly Layer<Conditions>[];
  readonly #downsample: Downsample | undefined;

  constructor(
    weights: Weights,
    widthIn: number,
    layers: number,
    isLast: boolean,
    private readonly options: StageOptions<Conditions>,
  ) {
    const { width, unet } = options;
    this.#path = weights.path;
    const widthsIn = Array.from({ length: layers }, (_, j) => (j === 0 ? widthIn : width));
    this.#layers = declareLayers(weights, widthsIn, options);
    if (!isLast) this.#downsample = declareDownsample(weights.at("downsamplers", 0), width, unet);
  }

  /** Channels of the feature maps that it keeps for the way up, in this order. */
  get skips(): readonly number[] {
    const count = this.#layers.length + (this.#downsample ? 1 : 0);
    return new Array<number>(count).fill(this.options.width);
  }

  /** Consumes `x`, and keeps each of its feature maps in `skips`. */
  forward(x: Tensor, pass: PassInputs<Conditions>, skips: Tensor[]): Tensor {
    return inModule(x.arena, this.#path, () => {
      let h = x;
      for (const layer of this.#layers) {
        h = runLayer(h, layer, pass);
        skips.push(share(h));
      }
      const downsample = this.#downsample;
      if (!downsample) return h;
      h = applyTo(h, (h) => downsample.forward(h, pass.modulations));
      skips.push(share(h));
      return h;
    });
  }
}

/**
 * The middle: a residual block, attention, a residual block (`UNetMidBlock2DSimpleCrossAttn` and `UNetMidBlock2D`).
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/unets/unet_2d_blocks.py#L893-L1015
 */
export class Middle<Conditions> {
  readonly #path: string;
  readonly #first: Layer<Conditions>;
  readonly #second: ResnetBlock;

  constructor(weights: Weights, { width, unet, attention }: StageOptions<Conditions>) {
    this.#path = weights.path;
    this.#first = {
      block: new ResnetBlock(weights.at("resnets", 0), width, width, unet),
      attention: attention?.(weights.at("attentions", 0)),
    };
    this.#second = new ResnetBlock(weights.at("resnets", 1), width, width, unet);
  }

  /** Consumes `x`. */
  forward(x: Tensor, pass: PassInputs<Conditions>): Tensor {
    return inModule(x.arena, this.#path, () =>
      applyTo(runLayer(x, this.#first, pass), (h) => this.#second.forward(h, pass.modulations)),
    );
  }
}

/**
 * One resolution on the way up (`ResnetUpsampleBlock2D` and `SimpleCrossAttnUpBlock2D` of diffusers, or `UpBlock2D` and
 * `CrossAttnUpBlock2D`).
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/unets/unet_2d_blocks.py#L2991-L3245
 */
export class UpStage<Conditions> {
  readonly #path: string;
  readonly #layers: readonly Layer<Conditions>[];
  readonly #upsample: Upsample | undefined;

  /** `skips` are the channels of the feature maps that its layers join, in this order. */
  constructor(
    weights: Weights,
    widthIn: number,
    skips: readonly number[],
    isLast: boolean,
    options: StageOptions<Conditions>,
  ) {
    const { width, unet } = options;
    this.#path = weights.path;
    const widthsIn = skips.map((skip, j) => (j === 0 ? widthIn : width) + skip);
    this.#layers = declareLayers(weights, widthsIn, options);
    if (!isLast) this.#upsample = declareUpsample(weights.at("upsamplers", 0), width, unet);
  }

  /** Consumes `x` and the skips of its resolution. The result has the size of the skip behind them. */
  forward(x: Tensor, pass: PassInputs<Conditions>, skips: Tensor[]): Tensor {
    return inModule(x.arena, this.#path, () => {
      let h = x;
      for (const layer of this.#layers) h = runLayer(joined(h, skips), layer, pass);
      const upsample = this.#upsample;
      if (!upsample) return h;
      const [, height = 0, width = 0] = skips.at(-1)!.shape;
      return applyTo(h, (h) => upsample.forward(h, pass.modulations, [height, width]));
    });
  }
}

/** Joins `x` and the last kept feature map. Consumes both. */
function joined(x: Tensor, skips: Tensor[]): Tensor {
  const skip = skips.pop();
  if (!skip) throw new ShapeError("UpStage.forward", "skips", "an empty stack", "one skip for each block");
  return applyTo(skip, (skip) => applyTo(x, (x) => concatChannels([x, skip])));
}
