import type { TensorEntry } from "./tensor-entry.js";

/** Named tensors to load: the state dict of a checkpoint. */
export interface TensorSource {
  /** The file's name, for messages. */
  readonly name: string;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** The names in the file of a tensor that is made of its tensors, for messages. Default: its own name. */
  readonly namesInFile?: (name: string) => readonly string[];
  /** As `complete` of a checkpoint. Absent for files that are complete. */
  readonly complete?: (signal?: AbortSignal) => Promise<void>;
}
