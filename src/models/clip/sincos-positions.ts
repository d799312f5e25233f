import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";

const TEMPERATURE = 10000;

/**
 * The fixed positions `[1, side², dim]` of SimpleViT (Beyer et al. 2022; vit-pytorch's `posemb_sincos_2d`), rounded to f32
 * at the same points as in torch: sines and cosines of the column, then of the row.
 * @see https://github.com/lucidrains/vit-pytorch/blob/bdaf2d14916500e2978c49833795ed3b599e220d/vit_pytorch/simple_vit.py#L12-L23
 */
export function sincosPositions(weights: Weights, side: number, dim: number): Tensor {
  const { arena } = weights;
  const positions = arena.detached([1, side ** 2, dim]);
  return weights.derived(positions, () => {
    arena.upload(positions, sincosTable(side, dim));
  });
}

/** Its values. `dim` is a multiple of 4, at least 8. */
export function sincosTable(side: number, dim: number): Float32Array {
  const quarter = dim / 4;
  const values = new Float32Array(side ** 2 * dim);
  for (let place = 0; place < side ** 2; place++) {
    const [column, row] = [place % side, Math.floor(place / side)];
    for (let i = 0; i < quarter; i++) {
      const omega = Math.fround(1 / Math.fround(TEMPERATURE ** Math.fround(i / (quarter - 1))));
      const at = place * dim + i;
      values[at] = Math.sin(Math.fround(column * omega));
      values[at + quarter] = Math.cos(Math.fround(column * omega));
      values[at + 2 * quarter] = Math.sin(Math.fround(row * omega));
      values[at + 3 * quarter] = Math.cos(Math.fround(row * omega));
    }
  }
  return values;
}
