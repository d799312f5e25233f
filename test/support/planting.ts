import type { Component } from "../../src/models/component.js";
import { toFloat32 } from "../../src/weights/dtypes.js";
import { TensorEntry } from "../../src/weights/tensor-entry.js";

/** Changes the values of a tensor, as f32. */
export type Change = (values: Float32Array) => void;

/** Sets one value in the middle to NaN. */
export const plantNaN: Change = (values) => {
  values[Math.floor(values.length / 2)] = NaN;
};

/**
 * Changes a tensor of a component as if it were so in the file, from the next time its weights are read. Returns a function
 * that undoes the change.
 */
export function changeTensor({ weights }: Component, name: string, change: Change): () => void {
  const tensors = weights.source.tensors as Map<string, TensorEntry>;
  const entry = tensors.get(name)!;
  const changed = new TensorEntry(name, "F32", entry.shape, async ([start, end]) => {
    const values = toFloat32(entry.dtype, await entry.read());
    change(values);
    const rowSize = entry.rowBytes === 0 ? 0 : values.length / entry.rowCount;
    return new Uint8Array(values.slice(start * rowSize, end * rowSize).buffer);
  });
  tensors.set(name, changed);
  weights.unload();
  return () => {
    tensors.set(name, entry);
    weights.unload();
  };
}
