import type { TensorEntry } from "./tensor-entry.js";

/** Named tensors to load: the state dict of a checkpoint. */
export interface TensorSource {
  /** The file's name, for messages. */
  readonly name: string;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}
