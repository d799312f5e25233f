import { Conv2d } from "../../../nn/conv2d.js";
import type { UnetOptions } from "../options.js";
import { cast, concatBatch, concatChannels, repeatBatch } from "../../../ops/layout.js";
import { guide } from "../../../ops/sampler.js";
import { ShapeError } from "../../../ops/shape-error.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { NetworkDialect } from "../dialect/flags.js";
import type { Weights } from "../../../weights/store.js";
import { unetArchitecture, type Architecture } from "./architecture.js";
import { Conditioning, type Keep, type UnetCondition } from "./conditioning.js";
import { CrossEmbed } from "./cross-embed.js";
import type { Layer } from "./downsample.js";
import { advance, share } from "./feature-map.js";
import { ResnetBlock } from "./resnet-block.js";
import { SelfAttention } from "./self-attention.js";
import { DownStage, UpStage } from "./stages.js";
import { UpsampleCombiner } from "./upsample-combiner.js";

/**
 * The U-Net of unCLIP's decoder (Ramesh et al. 2022) as DALLE2-pytorch builds it (1.14.2, `Unet`): from a noisy picture,
 * the time and conditions to what the sampler asks for, the noise, the picture or v, and the variance where it was learned.
 */
export class Unet {
  readonly #unet: Architecture;
  readonly #conditioning: Conditioning;
  readonly #initConv: Layer;
  readonly #initBlock: ResnetBlock | undefined;
  readonly #downs: readonly DownStage[];
  readonly #midBlock1: ResnetBlock;
  readonly #midAttention: SelfAttention | undefined;
  readonly #midBlock2: ResnetBlock;
  readonly #ups: readonly UpStage[];
  readonly #combiner: UpsampleCombiner | undefined;
  readonly #finalBlock: ResnetBlock;
  readonly #toOut: Conv2d;

  /** Declares the weights, named and wired as the dialect's version had them. */
  constructor(weights: Weights, options: UnetOptions, dialect: NetworkDialect) {
    const unet = unetArchitecture(options, dialect);
    const { dim, initDim, layout, stages, outerGroups, head } = unet;
    const midDim = stages.at(-1)!.dimOut;
    const first = { groups: outerGroups.first };
    const middle = { groups: outerGroups.middle, crossAttend: true };
    this.#unet = unet;
    this.#conditioning = new Conditioning(weights, unet);
    this.#initConv = initConv(weights.at("init_conv"), unet);
    if (unet.memoryEfficient && layout.blockBeforeStages) {
      this.#initBlock = new ResnetBlock(weights.at("init_resnet_block"), initDim, initDim, first, unet);
    }
    this.#downs = stages.map((stage, i) => new DownStage(weights.at("downs", i), stage, unet));
    this.#midBlock1 = new ResnetBlock(weights.at("mid_block1"), midDim, midDim, middle, unet);
    if (unet.midAttention) this.#midAttention = new SelfAttention(weights.at("mid_attn"), midDim, unet);
    this.#midBlock2 = new ResnetBlock(weights.at("mid_block2"), midDim, midDim, middle, unet);
    const upStages = unet.memoryEfficient || layout.upAtFullSize ? stages : stages.slice(1);
    this.#ups = upStages.toReversed().map((stage, i) => new UpStage(weights.at("ups", i), stage, unet));
    const combined = unet.combineUpsampleFmaps ? stages.length * dim : 0;
    if (unet.combineUpsampleFmaps) this.#combiner = new UpsampleCombiner(weights.at("upsample_combiner"), unet);
    const joined = dim + combined + (unet.firstMapAtEnd ? dim : 0);
    this.#finalBlock = new ResnetBlock(weights.at(head.block), joined, dim, { ...first, timed: head.timed }, unet);
    this.#toOut = outConv(weights.at(head.conv), unet);
  }

  /**
   * `x` `[B, H, W, channels]` at `times` (steps of the diffusion process, one per sample) to `[B, H, W, channelsOut]`.
   * Height and width are multiples of 2 for each downsampling. Throws `ShapeError` for a condition that is missing.
   */
  forward(x: Tensor, times: readonly number[], condition: UnetCondition, keep = keepAll(times.length)): Tensor {
    const { arena } = x;
    if (x.shape.length !== 4 || x.shape[0] !== times.length) {
      throw new ShapeError("Unet.forward", "x", x.shape, [times.length, "height", "width", this.#unet.channels]);
    }
    return arena.scope(() => {
      // 1. Time, image and text as a vector and as tokens.
      const conditions = this.#conditioning.forward(arena, times, condition, keep);
      const { time, tokens, midTokens } = conditions;

      // 2. The picture with those that it is conditioned on, into the first feature map.
      const lowres = this.#unet.lowresCond ? cast(required(condition.lowresCondImg), arena.dtype) : undefined;
      let h = this.#initConv.forward(this.#input(x, condition.selfCond, lowres));
      const first = this.#unet.firstMapAtEnd ? [share(h)] : [];
      const initBlock = this.#initBlock;
      if (initBlock) h = advance(h, (h) => initBlock.forward(h, time, tokens));

      // 3. Down: ever smaller feature maps, kept for the way up.
      const skips: Tensor[] = [];
      for (const stage of this.#downs) h = stage.forward(h, conditions, skips);

      // 4. The middle sees the text.
      h = advance(h, (h) => this.#midBlock1.forward(h, time, midTokens));
      const attend = this.#midAttention;
      if (attend) h = advance(h, (h) => attend.forward(h));
      h = advance(h, (h) => this.#midBlock2.forward(h, time, midTokens));

      // 5. Up: each block takes the last feature map that was kept.
      const maps: Tensor[] = [];
      for (const stage of this.#ups) {
        h = stage.forward(h, conditions, skips);
        if (this.#combiner) maps.push(share(h));
        h = stage.upsample(h);
      }

      // 6. Joined with the first feature map and, where they are combined, those of the way up.
      const [, height, width] = h.shape as [number, number, number, number];
      const combined = this.#combiner?.forward(maps, [height, width]) ?? [];
      const joined = [...combined, ...first];
      if (joined.length > 0) h = advance(h, (h) => concatChannels([h, ...joined]));
      h = advance(h, (h) => this.#finalBlock.forward(h, time, tokens));

      // 7. Output.
      if (lowres && this.#unet.lowresAtEnd) h = advance(h, (h) => concatChannels([h, lowres]));
      return this.#toOut.forward(h);
    });
  }

  /**
   * Classifier-free guidance (Ho & Salimans 2022): null + (conditional - null) · condScale in f32, both predictions from
   * one batch of twice the size; the null may be the prediction for a negative condition. A scale of 1 is the conditional
   * prediction alone.
   */
  forwardWithCondScale(x: Tensor, times: readonly number[], condition: UnetCondition, condScale: number): Tensor {
    return x.arena.scope(() => {
      if (condScale === 1) return cast(this.forward(x, times, condition), "f32");
      const { negative } = condition;
      const half = (value: number): number[] => times.map(() => value);
      const keep = {
        image: [...half(1), ...half(negative?.imageEmbed ? 1 : 0)],
        text: [...half(1), ...half(negative?.textEncodings ? 1 : 0)],
        branches: 2,
      };
      const twice = this.forward(repeatBatch(x, 2), [...times, ...times], repeatCondition(condition), keep);
      return guide(twice, condScale);
    });
  }

  /** `x`, the previous estimate and the low-resolution picture as one, in the arena's type. */
  #input(x: Tensor, selfCond: Tensor | undefined, lowres: Tensor | undefined): Tensor {
    const { dtype } = x.arena;
    const picture = cast(x, dtype);
    const inputs = [picture];
    const scales = [1];
    if (this.#unet.selfCond) {
      // Without an estimate zeros take its place: the picture times 0.
      inputs.push(selfCond ? cast(selfCond, dtype) : picture);
      scales.push(selfCond ? 1 : 0);
    }
    if (lowres) inputs.push(lowres);
    return inputs.length === 1 ? picture : concatChannels(inputs, scales);
  }
}

function initConv(weights: Weights, unet: Architecture): Layer {
  const { initDim, channels, initConvKernelSize: kernel } = unet;
  const inputs = channels * (1 + Number(unet.lowresCond) + Number(unet.selfCond));
  if (unet.initCrossEmbed) {
    return new CrossEmbed(weights, inputs, initDim, { kernelSizes: unet.initCrossEmbedKernelSizes, stride: 1 });
  }
  return new Conv2d(weights, inputs, initDim, kernel, { padding: Math.floor(kernel / 2) });
}

function outConv(weights: Weights, unet: Architecture): Conv2d {
  const { dim, channels, channelsOut, head } = unet;
  const inputs = dim + (unet.lowresAtEnd ? channels : 0);
  return new Conv2d(weights, inputs, channelsOut, head.kernelSize, { padding: Math.floor(head.kernelSize / 2) });
}

function required(lowresCondImg: Tensor | undefined): Tensor {
  if (lowresCondImg) return lowresCondImg;
  throw new ShapeError("Unet.forward", "lowresCondImg", "absent", ["batch", "height", "width", "channels"]);
}

function keepAll(batch: number): Keep {
  const all = new Array<number>(batch).fill(1);
  return { image: all, text: all };
}

function repeatCondition(condition: UnetCondition): UnetCondition {
  const twice = (x: Tensor | undefined) => x && repeatBatch(x, 2);
  const join = (a: Tensor | undefined, b: Tensor | undefined) => a && concatBatch(a, b ?? a);
  const { lowresNoiseLevel: level, textMask, negative } = condition;
  const otherMask = negative?.textEncodings ? negative.textMask : textMask;
  return {
    imageEmbed: join(condition.imageEmbed, negative?.imageEmbed),
    textEncodings: join(condition.textEncodings, negative?.textEncodings),
    textMask: typeof textMask === "object" && typeof otherMask === "object" ? [...textMask, ...otherMask] : textMask,
    lowresCondImg: twice(condition.lowresCondImg),
    selfCond: twice(condition.selfCond),
    lowresNoiseLevel: level && [...level, ...level],
  };
}
