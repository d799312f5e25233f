import { Conv2d } from "../../../nn/conv2d.js";
import { GroupNorm } from "../../../nn/group-norm.js";
import { JoinedLayers } from "../../../nn/joined-layers.js";
import { affine } from "../../../ops/elementwise.js";
import { ShapeError } from "../../../ops/shape-error.js";
import type { StepInputs, StepRows } from "../../../ops/step-inputs.js";
import { stepTables } from "../../../ops/step-tables.js";
import { bytesPerElement } from "../../../tensor/dtype.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { UnetOptions } from "../config/unet-config.js";
import { applyTo, share } from "../../../nn/feature-map.js";
import type { ResamplingForm } from "./resampling.js";
import { DownStage, Middle, UpStage, type DeclareAttention, type PassInputs } from "./stages.js";

/** How the layers of a U-Net attend. Lists have an entry for each resolution: the way up from the smallest. */
export interface TrunkAttention<Conditions> {
  readonly down: readonly (DeclareAttention<Conditions> | undefined)[];
  readonly middle: DeclareAttention<Conditions> | undefined;
  readonly up: readonly (DeclareAttention<Conditions> | undefined)[];
}

/** What differs among U-Nets, beside their attention. */
export interface TrunkForm {
  /** Sizes of the first and the last convolution. Default 3. */
  readonly inKernel?: number;
  readonly outKernel?: number;
  /** Default: residual blocks. */
  readonly resampling?: ResamplingForm;
}

/**
 * The layers that both kinds of U-Net have: from an image to the prediction.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/unets/unet_2d_condition.py#L1127-L1262
 */
export class UnetTrunk<Conditions> {
  readonly #modulations = new JoinedLayers();
  readonly #convIn: Conv2d;
  readonly #downs: readonly DownStage<Conditions>[];
  readonly #middle: Middle<Conditions>;
  readonly #ups: readonly UpStage<Conditions>[];
  readonly #normOut: GroupNorm;
  /** Sides must be multiples of it. */
  readonly #unit: number;
  readonly #convOut: Conv2d;

  constructor(
    weights: Weights,
    private readonly options: UnetOptions,
    attention: TrunkAttention<Conditions>,
    { inKernel = 3, outKernel = 3, resampling = "residual" }: TrunkForm = {},
  ) {
    const unet = { ...options, modulations: this.#modulations, resampling };
    const { widths, channelsIn, channelsOut, groups, eps } = unet;
    const conv = (name: string, from: number, to: number, kernel: number) =>
      new Conv2d(weights.at(name), from, to, kernel, { padding: (kernel - 1) / 2 });
    const first = widths[0]!;
    const last = widths.length - 1;
    this.#unit = resampling === "residual" ? 2 ** last : 1;
    this.#convIn = conv("conv_in", channelsIn, first, inKernel);
    const stageOptions = (i: number, attention: DeclareAttention<Conditions> | undefined) => ({
      width: widths[i]!,
      unet,
      attention,
    });
    this.#downs = widths.map((_, i) => {
      const stage = stageOptions(i, attention.down[i]);
      const place = weights.at("down_blocks", i);
      return new DownStage(place, widths[i - 1] ?? first, unet.layers[i]!, i === last, stage);
    });
    this.#middle = new Middle(weights.at("mid_block"), stageOptions(last, attention.middle));
    const skips = [first, ...this.#downs.flatMap((down) => down.skips)];
    this.#ups = widths.map((_, i) => {
      const own = skips.splice(-(unet.layers[last - i]! + 1)).reverse();
      const stage = stageOptions(last - i, attention.up[i]);
      return new UpStage(weights.at("up_blocks", i), widths[last - i + 1] ?? widths[last]!, own, i === last, stage);
    });
    this.#normOut = new GroupNorm(weights.at("conv_norm_out"), groups, first, { eps });
    this.#convOut = conv("conv_out", first, channelsOut, outKernel);
  }

  /**
   * Computes what residual blocks get of the time in all passes of a run. `embed` turns rows of `times` into `[n, samples,
   * timeDim]` after the activation, for `samples` samples.
   */
  modulations(inputs: StepInputs, times: StepRows, samples: number, embed: (rows: Tensor) => Tensor): StepRows {
    const bytesPerRow = samples * this.#modulations.width * bytesPerElement(inputs.arena.dtype);
    const compute = (rows: Tensor) => rows.arena.scope(() => [this.#modulations.forward(embed(rows))]);
    return stepTables(inputs, times, { bytesPerRow, compute })[0]!;
  }

  /**
   * Throws `ShapeError` unless `x` is `[batch, height, width, channels]` with sides that residual blocks can halve often enough;
   * convolutions halve any side.
   */
  check(op: string, x: Tensor, batch: number, channels: number): void {
    const unit = this.#unit;
    const [samples, height = 0, width = 0] = x.shape;
    const fits = x.shape.length === 4 && samples === batch && x.channels === channels;
    if (fits && height > 0 && width > 0 && height % unit === 0 && width % unit === 0) return;
    throw new ShapeError(op, "x", x.shape, [batch, `a multiple of ${unit}`, `a multiple of ${unit}`, channels]);
  }

  /** The prediction `[B, H, W, channelsOut]` for `x` `[B, H, W, channelsIn]`, both in the arena's dtype. */
  forward(x: Tensor, pass: PassInputs<Conditions>): Tensor {
    return x.arena.scope(() => {
      let h = this.#convIn.forward(this.options.centersInput ? affine(x, 2, -1) : x);
      const skips = [share(h)];
      for (const down of this.#downs) h = down.forward(h, pass, skips);
      h = this.#middle.forward(h, pass);
      for (const up of this.#ups) h = up.forward(h, pass, skips);
      h = applyTo(h, (h) => this.#normOut.forward(h, { activation: "silu" }));
      return this.#convOut.forward(h);
    });
  }
}
