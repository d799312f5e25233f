import { elementCount } from "./dtypes.js";
import type { TensorEntry } from "./tensor-entry.js";

export interface InspectedTensor {
  readonly name: string;
  /** The element type; one that this library does not read goes by the file's name for it. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly parameters: number;
}

/** A model's tensors, and how many elements they have in all, buffers included. */
export interface InspectedTensors {
  readonly parameters: number;
  readonly tensors: readonly InspectedTensor[];
}

/** Describes tensors; none is read. */
export function inspectTensors(entries: ReadonlyMap<string, TensorEntry>): InspectedTensors {
  const tensors = [...entries.values()].map(({ name, typeName, shape }) => ({
    name,
    dtype: typeName,
    shape,
    parameters: elementCount(shape),
  }));
  return { tensors, parameters: tensors.reduce((sum, { parameters }) => sum + parameters, 0) };
}
