import { Conv2d } from "../../../nn/conv2d.js";
import { applyTo } from "../../../nn/feature-map.js";
import { inModule } from "../../../nn/in-module.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { SelfAttention } from "../unet/self-attention.js";
import type { Norm, Norms } from "./norms.js";
import {
  convolvedRows,
  joinedRows,
  pointwiseRows,
  rowsOf,
  storedStrips,
  sumOfRows,
  type RowMap,
  type RowOptions,
} from "./rows.js";

/** A residual block without the time (`ResnetBlock2D` of diffusers). */
class ResidualBlock {
  readonly #path: string;
  readonly #width: number;
  readonly #norm1: Norm;
  readonly #conv1: Conv2d;
  readonly #norm2: Norm;
  readonly #conv2: Conv2d;
  readonly #shortcut: Conv2d | undefined;

  constructor(weights: Weights, widthIn: number, width: number, norms: Norms) {
    this.#path = weights.path;
    this.#width = width;
    this.#norm1 = norms.declare(weights.at("norm1"), widthIn);
    this.#conv1 = new Conv2d(weights.at("conv1"), widthIn, width, 3, { padding: 1 });
    this.#norm2 = norms.declare(weights.at("norm2"), width);
    this.#conv2 = new Conv2d(weights.at("conv2"), width, width, 3, { padding: 1 });
    if (widthIn !== width) this.#shortcut = new Conv2d(weights.at("conv_shortcut"), widthIn, width, 1);
  }

  forward(x: Tensor, latents: Tensor | undefined): Tensor {
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        let h = this.#norm1.forward(x, latents, "silu");
        h = applyTo(h, (h) => this.#conv1.forward(h));
        h = applyTo(h, (h) => this.#norm2.forward(h, latents, "silu"));
        return this.#conv2.forward(h, { residual: this.#shortcut?.forward(x) ?? x });
      }),
    );
  }

  /** Computes the first half twice, so that it need not be stored: for the statistics of the second norm, and for the result. */
  overRows(x: RowMap, latents: Tensor | undefined, options: RowOptions): RowMap {
    return inModule(x.arena, this.#path, () => {
      const [shortcut, width] = [this.#shortcut, this.#width];
      const first = convolvedRows(this.#norm1.overRows(x, latents, options, "silu"), this.#conv1, width);
      const second = convolvedRows(this.#norm2.overRows(first, latents, options, "silu"), this.#conv2, width);
      return sumOfRows(second, shortcut ? pointwiseRows(x, width, (rows) => shortcut.forward(rows)) : x);
    });
  }
}

/** Attention among all pixels with one head. */
class PixelAttention {
  readonly #norm: Norm;
  readonly #attention: SelfAttention;

  constructor(weights: Weights, width: number, norms: Norms) {
    this.#norm = norms.declare(weights.at(norms.inAttention), width);
    this.#attention = new SelfAttention(weights, { width, dimHead: width });
  }

  forward(x: Tensor, latents: Tensor | undefined): Tensor {
    return x.arena.scope(() => this.#attention.forward(x, this.#norm.forward(x, latents)));
  }

  /** All pixels attend to all, so that the map is joined. */
  overRows(x: RowMap, latents: Tensor | undefined, options: RowOptions): RowMap {
    return rowsOf([applyTo(joinedRows(x, options), (whole) => this.forward(whole, latents))]);
  }
}

/** One layer behind another, all of which read the latents. */
export class Layers {
  readonly #path: string;
  readonly #layers: readonly (ResidualBlock | PixelAttention)[];

  private constructor({ path }: Weights, layers: readonly (ResidualBlock | PixelAttention)[]) {
    this.#path = path;
    this.#layers = layers;
  }

  /** Residual blocks of one resolution, each of which may be followed by attention. The first has `widthIn` channels. */
  static ofResolution(
    weights: Weights,
    { widthIn, width, count, attends }: { widthIn: number; width: number; count: number; attends: boolean },
    norms: Norms,
  ): Layers {
    const layers = Array.from({ length: count }, (_, j) => [
      new ResidualBlock(weights.at("resnets", j), j === 0 ? widthIn : width, width, norms),
      ...(attends ? [new PixelAttention(weights.at("attentions", j), width, norms)] : []),
    ]);
    return new Layers(weights, layers.flat());
  }

  /** The middle: a residual block, attention, a residual block. */
  static ofMiddle(weights: Weights, width: number, norms: Norms): Layers {
    const block = (j: number) => new ResidualBlock(weights.at("resnets", j), width, width, norms);
    return new Layers(weights, [block(0), new PixelAttention(weights.at("attentions", 0), width, norms), block(1)]);
  }

  /** Consumes `x`. */
  forward(x: Tensor, latents?: Tensor): Tensor {
    return inModule(x.arena, this.#path, () => {
      let h = x;
      for (const layer of this.#layers) h = applyTo(h, (h) => layer.forward(h, latents));
      return h;
    });
  }

  /** The same by rows. Frees `x` on the way. */
  overRows(x: RowMap, latents: Tensor | undefined, options: RowOptions): RowMap {
    return inModule(x.arena, this.#path, () =>
      this.#layers.reduce((h, layer) => {
        return rowsOf(x.arena.scope(() => storedStrips(layer.overRows(h, latents, options), options)));
      }, x),
    );
  }
}
