import type { Tensor } from "../tensor/tensor.js";
import type { Weights } from "../weights/store.js";

const BUCKETS = 32;
const MAX_DISTANCE = 128;

/** Bucket of a distance: one for each in the smaller half of the buckets, logarithmic beyond (T5, Raffel et al. 2020). */
export function distanceBucket(distance: number): number {
  const exact = BUCKETS / 2;
  if (distance < exact) return distance;
  const share = Math.log(distance / exact) / Math.log(MAX_DISTANCE / exact);
  return Math.min(exact + Math.floor(share * (BUCKETS - exact)), BUCKETS - 1);
}

/**
 * The prior's relative position bias, as the causal attention reads it: one row of biases for each distance.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L770-L804
 */
export class RelativePositionBias {
  /** `[distances, heads]`, f32. */
  readonly table: Tensor;

  /** `factor` multiplies the biases: see `relposMult` of the dialect. */
  constructor(weights: Weights, heads: number, distances: number, factor: number) {
    const { arena } = weights;
    const buckets = weights.at("relative_attention_bias").values("weight", [BUCKETS, heads]);
    this.table = weights.derived(arena.detached([distances, heads], "f32"), () => {
      const biases = Float32Array.from({ length: distances * heads }, (_, i) => {
        return factor * buckets.data[distanceBucket(Math.floor(i / heads)) * heads + (i % heads)]!;
      });
      arena.upload(this.table, biases);
    });
  }
}
