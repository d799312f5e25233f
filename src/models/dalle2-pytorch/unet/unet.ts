import { Conv2d } from "../../../nn/conv2d.js";
import type { UnetOptions } from "../options.js";
import { Guidance, guides } from "../../../diffusion/guidance.js";
import { cast, concatChannels } from "../../../ops/layout.js";
import { ShapeError } from "../../../ops/shape-error.js";
import type { StepInputs } from "../../../ops/step-inputs.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { NetworkDialect } from "../dialect/flags.js";
import type { Weights } from "../../../weights/store.js";
import { unetArchitecture, type Architecture } from "./architecture.js";
import { ConditionLayers, Conditioning, type PreparedConditions, type UnetRun } from "./conditioning.js";
import { CrossEmbed } from "./cross-embed.js";
import type { Layer } from "./downsample.js";
import { applyTo, share } from "../../../nn/feature-map.js";
import { ResnetBlock } from "./resnet-block.js";
import { SelfAttention } from "./self-attention.js";
import { DownStage, UpStage } from "./stages.js";
import { UpsampleCombiner } from "./upsample-combiner.js";

/** A run of a U-Net, ready for its first pass. */
export interface PreparedUnet {
  readonly run: { readonly batch: number; readonly guidance: Guidance | undefined };
  readonly conditions: PreparedConditions;
  /** The low-resolution image in the arena's dtype, for both halves of a guided batch. */
  readonly lowres: Tensor | undefined;
}

/**
 * The U-Net of unCLIP's decoder (Ramesh et al. 2022) as in DALLE2-pytorch (1.14.2, `Unet`): from a noisy image, the time and
 * conditions to the prediction (noise, x0 or v) and, if it was learned, the variance.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1856-L2380
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

  /** Declares the weights, with the names and layers of the dialect's version. */
  constructor(weights: Weights, options: UnetOptions, dialect: NetworkDialect) {
    const unet = { ...unetArchitecture(options, dialect), layers: new ConditionLayers() };
    const { dim, initDim, layout, stages, outerGroups, head } = unet;
    const midDim = stages.at(-1)!.dimOut;
    const first = { groups: outerGroups.first };
    const middle = { groups: outerGroups.middle, crossAttend: "withText" } as const;
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
   * Uploads and computes what all passes of a run share. With a guidance `scale` other than 1, joins the conditions of both
   * halves of the guided batch. `inputs` owns the result. Throws `ShapeError` for a missing condition.
   */
  prepare(inputs: StepInputs, run: UnetRun, scale = 1): PreparedUnet {
    const { arena } = inputs;
    const guidance = guides(scale) ? new Guidance(scale, this.#unet.channels) : undefined;
    return inputs.hold(() => {
      const { batch, ...rest } = guidance ? guided(run, guidance) : run;
      const { lowresCondImg } = rest.condition;
      return {
        run: { batch: run.batch, guidance },
        conditions: this.#conditioning.prepare(inputs, { batch, ...rest }),
        lowres: this.#unet.lowresCond ? cast(arena.share(required(lowresCondImg)), arena.dtype) : undefined,
      };
    });
  }

  /**
   * The U-Net's prediction in the current pass for `x` `[B, H, W, channels]`: f32 `[B, H, W, channelsOut]`. Height and width
   * must be divisible by 2 for each downsampling. `selfCond`, the last predicted x0, has the shape of `x`; default: zeros.
   */
  forward(x: Tensor, { run, conditions, lowres }: PreparedUnet, selfCond?: Tensor): Tensor {
    const { batch, guidance } = run;
    if (x.shape.length !== 4 || x.shape[0] !== batch) {
      throw new ShapeError("Unet.forward", "x", x.shape, [batch, "height", "width", this.#unet.channels]);
    }
    return x.arena.scope(() => {
      if (!guidance) return cast(this.#predict(x, conditions, lowres, selfCond), "f32");
      const previous = selfCond && guidance.double(selfCond);
      return guidance.guide(this.#predict(guidance.double(x), conditions, lowres, previous));
    });
  }

  #predict(x: Tensor, prepared: PreparedConditions, lowres: Tensor | undefined, selfCond: Tensor | undefined): Tensor {
    const { arena } = x;
    return arena.scope(() => {
      // 1. What the layers read of time, image and text.
      const conditions = this.#conditioning.forward(prepared);

      // 2. The image, with its image conditions, into the first feature map.
      let h = this.#initConv.forward(this.#input(x, selfCond, lowres));
      const first = this.#unet.firstMapAtEnd ? [share(h)] : [];
      const initBlock = this.#initBlock;
      if (initBlock) h = applyTo(h, (h) => initBlock.forward(h, conditions));

      // 3. Down: smaller and smaller feature maps, kept for the way up.
      const skips: Tensor[] = [];
      for (const stage of this.#downs) h = stage.forward(h, conditions, skips);

      // 4. The middle sees the text.
      h = applyTo(h, (h) => this.#midBlock1.forward(h, conditions));
      const attend = this.#midAttention;
      if (attend) h = applyTo(h, (h) => attend.forward(h));
      h = applyTo(h, (h) => this.#midBlock2.forward(h, conditions));

      // 5. Up: each block takes the last kept feature map.
      const maps: Tensor[] = [];
      for (const stage of this.#ups) {
        h = stage.forward(h, conditions, skips);
        if (this.#combiner) maps.push(share(h));
        h = stage.upsample(h);
      }

      // 6. Joined with the first feature map and, if the combiner is on, those of the way up.
      const [, height, width] = h.shape as [number, number, number, number];
      const combined = this.#combiner?.forward(maps, [height, width]) ?? [];
      const joined = [...combined, ...first];
      if (joined.length > 0) h = applyTo(h, (h) => concatChannels([h, ...joined]));
      h = applyTo(h, (h) => this.#finalBlock.forward(h, conditions));

      // 7. Output.
      if (lowres && this.#unet.lowresAtEnd) h = applyTo(h, (h) => concatChannels([h, lowres]));
      return this.#toOut.forward(h);
    });
  }

  /** `x`, the last predicted x0 and the low-resolution image, concatenated in the arena's dtype. */
  #input(x: Tensor, selfCond: Tensor | undefined, lowres: Tensor | undefined): Tensor {
    const { dtype } = x.arena;
    const image = cast(x, dtype);
    const inputs = [image];
    const scales = [1];
    if (this.#unet.selfCond) {
      // Without a prediction, zeros: the image times 0.
      inputs.push(selfCond ? cast(selfCond, dtype) : image);
      scales.push(selfCond ? 1 : 0);
    }
    if (lowres) inputs.push(lowres);
    return inputs.length === 1 ? image : concatChannels(inputs, scales);
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
  throw new ShapeError("Unet.prepare", "lowresCondImg", "absent", ["batch", "height", "width", "channels"]);
}

/**
 * The run for both halves of guidance. The null half has the negative condition, or the null embeddings.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2153-L2165
 */
function guided({ batch, times, condition }: UnetRun, guidance: Guidance): UnetRun {
  const twice = (x: Tensor | undefined) => x && guidance.double(x);
  const join = (a: Tensor | undefined, b: Tensor | undefined) => a && guidance.join(a, b);
  const { lowresNoiseLevel: level, textMask, negative } = condition;
  const otherMask = negative?.textEncodings ? negative.textMask : textMask;
  const keep = (other: Tensor | undefined): number[] => [
    ...new Array<number>(batch).fill(1),
    ...new Array<number>(batch).fill(other ? 1 : 0),
  ];
  return {
    batch: 2 * batch,
    times: times.map((time) => (typeof time === "number" ? time : [...time, ...time])),
    condition: {
      imageEmbed: join(condition.imageEmbed, negative?.imageEmbed),
      textEncodings: join(condition.textEncodings, negative?.textEncodings),
      textMask: typeof textMask === "object" && typeof otherMask === "object" ? [...textMask, ...otherMask] : textMask,
      lowresCondImg: twice(condition.lowresCondImg),
      lowresNoiseLevel: level && [...level, ...level],
    },
    keep: { image: keep(negative?.imageEmbed), text: keep(negative?.textEncodings), branches: 2 },
  };
}
