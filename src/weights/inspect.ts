import { elementCount } from "./dtypes.js";
import type { TensorEntry } from "./tensor-entry.js";

/** A tensor of a checkpoint, by its header. */
export interface InspectedTensor {
  /** Its name, as the model has it. */
  readonly name: string;
  /** The element type; for an unsupported one, the file's name for it. */
  readonly dtype: string;
  /** Lengths of its axes. */
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly parameters: number;
}

/** A model's tensors, and their total number of elements, with buffers. */
export interface InspectedTensors {
  /** Number of elements of all. */
  readonly parameters: number;
  /** The tensors, in the order of the file. */
  readonly tensors: readonly InspectedTensor[];
}

/** Describes tensors without reading them. */
export function inspectTensors(entries: ReadonlyMap<string, TensorEntry>): InspectedTensors {
  const tensors = [...entries.values()].map(({ name, typeName, shape }) => ({
    name,
    dtype: typeName,
    shape,
    parameters: elementCount(shape),
  }));
  return { tensors, parameters: tensors.reduce((sum, { parameters }) => sum + parameters, 0) };
}
