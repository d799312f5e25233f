import type { RotaryTables } from "../ops/attention.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Weights } from "../weights/store.js";
import { UnsupportedError } from "../weights/unsupported-error.js";

export interface RotaryEmbeddingOptions {
  /** Name of the frequencies in the checkpoint; default that of rotary-embedding-torch. */
  readonly name?: "freqs" | "inv_freq";
  readonly pairs?: NonNullable<RotaryTables["pairs"]>;
}

/**
 * Tables of a rotary position embedding (Su et al. 2021) for the positions 0 to length - 1, from the frequencies
 * `[dim / 2]`, rounded down, in the checkpoint. They are rounded to f32 where torch rounds. Throws `UnsupportedError` for
 * halves of an odd number of channels.
 * @see https://github.com/lucidrains/rotary-embedding-torch/blob/517ee2cfeb10602032ef9d282c19851e19dd8943/rotary_embedding_torch/rotary_embedding_torch.py#L61-L112
 */
export class RotaryEmbedding implements RotaryTables {
  readonly cos: Tensor;
  readonly sin: Tensor;
  readonly pairs: NonNullable<RotaryTables["pairs"]>;

  constructor(weights: Weights, dim: number, length: number, options: RotaryEmbeddingOptions = {}) {
    const { arena } = weights;
    const { name = "freqs", pairs = "neighbours" } = options;
    if (pairs === "halves" && dim % 2 !== 0) {
      throw new UnsupportedError(
        `a rotary position embedding of ${dim} channels, an odd number, in two halves: the reference does not run it`,
      );
    }
    const count = Math.floor(dim / 2);
    const freqs = weights.values(name, [count]);
    this.pairs = pairs;
    const table = (wave: (angle: number) => number): Tensor => {
      const tensor = arena.detached([length, count], "f32");
      return weights.derived(tensor, () => {
        const angles = Float32Array.from({ length: length * count }, (_, i) => {
          return Math.floor(i / count) * freqs.data[i % count]!;
        });
        arena.upload(tensor, angles.map(wave));
      });
    };
    this.cos = table(Math.cos);
    this.sin = table(Math.sin);
  }
}
