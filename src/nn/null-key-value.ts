import type { Tensor } from "../tensor/tensor.js";
import type { Weights } from "../weights/store.js";

/**
 * Loads the learned key and value (`null_kv`) `[2, dimHead]`, f32, that every query may attend to. With `unitKey` the
 * key is normalised to length 1, for cosine attention.
 */
export function nullKeyValue(weights: Weights, dimHead: number, { unitKey }: { readonly unitKey: boolean }): Tensor {
  if (!unitKey) return weights.table("null_kv", [2, dimHead], { dtype: "f32" });
  const { arena } = weights;
  const stored = weights.values("null_kv", [2, dimHead]);
  const nullKv = arena.detached([2, dimHead], "f32");
  return weights.derived(nullKv, () => {
    const length = Math.max(Math.hypot(...stored.data.subarray(0, dimHead)), 1e-12);
    arena.upload(
      nullKv,
      stored.data.map((value, i) => (i < dimHead ? value / length : value)),
    );
  });
}
