import type { Tensor } from "../tensor/tensor.js";
import type { Weights } from "../weights/store.js";

/**
 * Tables of a rotary position embedding (Su et al. 2021) for the positions 0 to length - 1, from the frequencies in the
 * checkpoint: `freqs` `[dim / 2]` of rotary-embedding-torch. They are rounded to f32 where torch rounds.
 */
export class RotaryEmbedding {
  /** `[length, dim / 2]`, f32. */
  readonly cos: Tensor;
  readonly sin: Tensor;

  constructor(weights: Weights, dim: number, length: number) {
    const { arena } = weights;
    const pairs = dim / 2;
    const freqs = weights.values("freqs", [pairs]);
    this.cos = arena.detached([length, pairs], "f32");
    this.sin = arena.detached([length, pairs], "f32");
    weights.derive(() => {
      const angles = Float32Array.from({ length: length * pairs }, (_, i) => {
        return Math.floor(i / pairs) * freqs.data[i % pairs]!;
      });
      arena.upload(this.cos, angles.map(Math.cos));
      arena.upload(this.sin, angles.map(Math.sin));
      return [this.cos, this.sin];
    });
  }
}
