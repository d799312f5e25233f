import { inModule } from "../../../nn/in-module.js";
import { Conv2d } from "../../../nn/conv2d.js";
import { concatChannels } from "../../../ops/layout.js";
import { ShapeError } from "../../../ops/shape-error.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { Stage } from "./architecture.js";
import type { Conditions, DeclaredUnet, SeenTokens } from "./conditioning.js";
import { downsample, type Layer } from "./downsample.js";
import { applyTo, share } from "../../../nn/feature-map.js";
import type { DownModule, UpModule } from "./layout.js";
import { LinearAttention } from "./linear-attention.js";
import { ResnetBlock } from "./resnet-block.js";
import { SelfAttention } from "./self-attention.js";
import { upsample } from "./upsample.js";

/** One step of a stage. */
interface Step {
  /** From one feature map to the next; absent if the step only uses a skip. */
  readonly run?: (x: Tensor, conditions: Conditions) => Tensor;
  /** On the way down: true if the result is kept. On the way up: true if a kept feature map is joined to the input. */
  readonly skip: boolean;
}

/**
 * One resolution on the way down. Its feature maps are pushed onto a stack of skips, which the way up pops.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2328-L2356
 */
export class DownStage {
  readonly #path: string;
  readonly #steps: readonly Step[];

  constructor(weights: Weights, stage: Stage, unet: DeclaredUnet) {
    this.#path = weights.path;
    this.#steps = unet.layout.down.flatMap((name, index) => downSteps[name](weights.at(index), stage, unet));
  }

  /**
   * Consumes `x`. `[B, H, W, dimIn]` to `[B, H/2, W/2, dimOut]`. If stages downsample last, the last stage keeps its size.
   */
  forward(x: Tensor, conditions: Conditions, skips: Tensor[]): Tensor {
    return inModule(x.arena, this.#path, () => {
      let next = x;
      for (const { run, skip } of this.#steps) {
        if (run) next = applyTo(next, (x) => run(x, conditions));
        if (skip) skips.push(share(next));
      }
      return next;
    });
  }
}

/**
 * One resolution on the way up.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2358-L2369
 */
export class UpStage {
  readonly #path: string;
  readonly #steps: readonly Step[];
  readonly #upsample: Layer | undefined;
  readonly #skipScale: number;

  constructor(weights: Weights, stage: Stage, unet: DeclaredUnet) {
    const { up } = unet.layout;
    this.#path = weights.path;
    this.#steps = up.flatMap((name, index) =>
      name === "upsample" ? [] : upSteps[name](weights.at(index), stage, unet),
    );
    const isFullSize = stage.isFirst && !unet.memoryEfficient;
    const place = weights.at(up.indexOf("upsample"));
    this.#upsample = isFullSize ? undefined : upsample(place, stage.dimUp, stage.dimIn, unet);
    this.#skipScale = unet.skipScale;
  }

  /** Consumes `x` and the skips of its resolution. The result has the size and `dimUp` of this resolution. */
  forward(x: Tensor, conditions: Conditions, skips: Tensor[]): Tensor {
    return inModule(x.arena, this.#path, () => {
      let next = x;
      for (const { run, skip } of this.#steps) {
        if (skip) next = this.#connectSkip(next, skips);
        if (run) next = applyTo(next, (x) => run(x, conditions));
      }
      return next;
    });
  }

  /** To the next larger resolution, `[B, 2H, 2W, dimIn]`. The largest does not change. Consumes `x`. */
  upsample(x: Tensor): Tensor {
    const layer = this.#upsample;
    return layer ? inModule(x.arena, this.#path, () => applyTo(x, (x) => layer.forward(x))) : x;
  }

  #connectSkip(x: Tensor, skips: Tensor[]): Tensor {
    const skip = skips.pop();
    if (!skip) throw new ShapeError("UpStage.forward", "skips", "an empty stack", "one skip for each block");
    return applyTo(skip, (skip) => applyTo(x, (x) => concatChannels([x, skip], [1, this.#skipScale])));
  }
}

type StepsOf<Module extends string> = Readonly<
  Record<Module, (place: Weights, stage: Stage, unet: DeclaredUnet) => readonly Step[]>
>;

const downSteps: StepsOf<DownModule> = {
  preDownsample: (place, { dimIn, dimOut }, unet) =>
    unet.memoryEfficient ? [ofLayer(downsample(place, dimIn, dimOut, unet))] : [],

  initBlock: (place, { dimStart, dimDown, groups }, unet) => [
    ofBlock(new ResnetBlock(place, dimStart, dimDown, { groups }, unet)),
  ],

  blocks: (place, stage, unet) => {
    const { dimDown, groups } = stage;
    const crossAttend = seenIf(stage.crossAttend);
    const blocks = blockPlaces(place, stage, unet).map(
      (place) => new ResnetBlock(place, dimDown, dimDown, { groups, crossAttend }, unet),
    );
    if (unet.layout.skips === "perBlock") return blocks.map((block) => ofBlock(block, true));
    return [...blocks.map((block) => ofBlock(block)), { skip: true }];
  },

  attention: (place, stage, unet) => {
    const attention = stageAttention(place, stage.dimDown, stage, unet);
    const skip = unet.layout.skips === "perBlock";
    return attention ? [ofLayer(attention, skip)] : [{ skip }];
  },

  postDownsample: (place, { dimDown, dimOut, isLast }, unet) => {
    const keepsSize = isLast || unet.memoryEfficient;
    if (!keepsSize) return [ofLayer(downsample(place, dimDown, dimOut, unet))];
    return unet.layout.widensIn === "resampling" ? [ofLayer(new Conv2d(place, dimDown, dimOut, 1))] : [];
  },
};

const upSteps: StepsOf<Exclude<UpModule, "upsample">> = {
  initBlock: (place, { dimOut, dimDown, dimUp, groups, crossAttendUp }, unet) => [
    ofBlock(
      new ResnetBlock(place, dimOut + dimDown, dimUp, { groups, crossAttend: seenIf(crossAttendUp) }, unet),
      true,
    ),
  ],

  blocks: (place, stage, unet) => {
    const { dimDown, dimUp, groups } = stage;
    const crossAttend = seenIf(stage.crossAttendUp);
    const skip = unet.layout.skips === "perBlock";
    const dimIn = skip ? dimUp + dimDown : dimUp;
    return blockPlaces(place, stage, unet).map((place) =>
      ofBlock(new ResnetBlock(place, dimIn, dimUp, { groups, crossAttend }, unet), skip),
    );
  },

  attention: (place, stage, unet) => {
    const attention = stageAttention(place, stage.dimUp, stage, unet);
    return attention ? [ofLayer(attention)] : [];
  },
};

/** Only the middle sees the text. */
function seenIf(crossAttend: boolean): SeenTokens | undefined {
  return crossAttend ? "withoutText" : undefined;
}

function ofLayer(layer: Layer, skip = false): Step {
  return { run: (x) => layer.forward(x), skip };
}

function ofBlock(block: ResnetBlock, skip = false): Step {
  return { run: (x, conditions) => block.forward(x, conditions), skip };
}

function blockPlaces(place: Weights, stage: Stage, { layout }: DeclaredUnet): readonly Weights[] {
  return layout.blocks === "single" ? [place] : Array.from({ length: stage.blocks }, (_, j) => place.at(j));
}

function stageAttention(place: Weights, dim: number, stage: Stage, unet: DeclaredUnet): Layer | undefined {
  switch (stage.attention) {
    case "self":
      return new SelfAttention(place, dim, unet);
    case "linear":
      return new LinearAttention(place, dim, unet);
    case "none":
      return undefined;
  }
}
