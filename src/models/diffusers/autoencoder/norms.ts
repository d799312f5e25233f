import { Conv2d } from "../../../nn/conv2d.js";
import { applyTo } from "../../../nn/feature-map.js";
import { GroupNorm } from "../../../nn/group-norm.js";
import { inModule } from "../../../nn/in-module.js";
import { applyGroupNorm, rowStatistics } from "../../../ops/group-norm.js";
import { concatTokens } from "../../../ops/layout.js";
import { spatialModulation } from "../../../ops/spatial-modulation.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { mapStrips, pointwiseRows, type RowMap, type RowOptions } from "./rows.js";

const EPS = 1e-6;

/** Groups of the group norm in a spatial norm, whatever the config says. */
export const SPATIAL_GROUPS = 32;

type Activation = "none" | "silu";

/** A norm of an autoencoder. */
export interface Norm {
  /** `[B, H, W, width]` in and out: the norm, then the activation. `latents` `[B, h, w, C]` are for spatial norms. */
  forward(x: Tensor, latents: Tensor | undefined, activation?: Activation): Tensor;
  /** The same by rows, with the statistics of the whole, which are computed now. What it needs belongs to the current scope. */
  overRows(x: RowMap, latents: Tensor | undefined, options: RowOptions, activation?: Activation): RowMap;
}

/** How an autoencoder norms. */
export interface Norms {
  /** Declares a norm for this width. */
  declare(weights: Weights, width: number): Norm;
  /** The name of the norm in an attention. */
  readonly inAttention: string;
}

/** Group norms. */
export function groupNorms(groups: number): Norms {
  return {
    inAttention: "group_norm",
    declare: (weights, width) => {
      const norm = new GroupNorm(weights, groups, width, { eps: EPS });
      return {
        forward: (x, _, activation = "none") => norm.forward(x, { activation }),
        overRows: (x, _, options, activation = "none") => normedRows(norm, x, options, activation),
      };
    },
  };
}

/** A group norm by rows: the statistics of all rows first. */
function normedRows(norm: GroupNorm, x: RowMap, options: RowOptions, activation: Activation): RowMap {
  const [, , width, channels] = x.shape;
  const { arena } = x;
  const coefficients = arena.scope(() => {
    const statistics = mapStrips(x, options, (rows) => rowStatistics(rows));
    return norm.coefficients(concatTokens(statistics), { width, channels, dtype: arena.dtype });
  });
  return pointwiseRows(x, channels, (rows) => applyGroupNorm(rows, coefficients, { activation }));
}

/** Spatial norms, which read latents with so many channels. */
export function spatialNorms(latentChannels: number): Norms {
  return {
    inAttention: "spatial_norm",
    declare: (weights, width) => new SpatialNorm(weights, width, latentChannels),
  };
}

/**
 * A group norm, then a scale and a shift of each pixel that the latents give (`SpatialNorm` of diffusers; Zheng et al. 2022, MoVQ). The
 * reference enlarges the latents and then convolves them 1×1; scales and shifts are computed before they are enlarged here, which
 * gives the same numbers.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/attention_processor.py#L2639-L2673
 */
class SpatialNorm implements Norm {
  readonly #path: string;
  readonly #norm: GroupNorm;
  readonly #scale: Conv2d;
  readonly #shift: Conv2d;

  constructor(weights: Weights, width: number, latentChannels: number) {
    this.#path = weights.path;
    this.#norm = new GroupNorm(weights.at("norm_layer"), SPATIAL_GROUPS, width, { eps: EPS });
    this.#scale = new Conv2d(weights.at("conv_y"), latentChannels, width, 1);
    this.#shift = new Conv2d(weights.at("conv_b"), latentChannels, width, 1);
  }

  forward(x: Tensor, latents: Tensor, activation: Activation = "none"): Tensor {
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const [scale, shift] = [this.#scale.forward(latents), this.#shift.forward(latents)];
        return applyTo(this.#norm.forward(x), (normed) => spatialModulation(normed, { scale, shift, activation }));
      }),
    );
  }

  overRows(x: RowMap, latents: Tensor, options: RowOptions, activation: Activation = "none"): RowMap {
    return inModule(x.arena, this.#path, () => {
      const [scale, shift] = [this.#scale.forward(latents), this.#shift.forward(latents)];
      const [, height, , channels] = x.shape;
      return pointwiseRows(normedRows(this.#norm, x, options, "none"), channels, (rows, from) =>
        spatialModulation(rows, { scale, shift, activation, rows: { from, height } }),
      );
    });
  }
}
