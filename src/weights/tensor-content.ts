// What is in a file of tensors, whatever its format is.
import type { TorchArchive } from "./formats/torch-archive.js";
import { readModel, type ModelContent, type ModelOptions, type StoredTree } from "./read-model.js";
import type { TensorEntry } from "./tensor-entry.js";

/** The content of a file; tensors are not read yet. */
export interface TensorFile {
  readonly format: "safetensors" | TorchArchive["format"];
  /** All objects in torch's pickle; null for safetensors. */
  readonly tree: unknown;
  /** The strings of a safetensors header; empty for torch. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Finds the model in the file. Throws FormatError. */
  readonly model: (options: ModelOptions) => ModelContent;
  /** The tensors of the outermost dict, including those in dicts inside of it, under their names in the file. */
  readonly stored: () => ReadonlyMap<string, TensorEntry>;
}

/** The models and tensors of a file. */
export function contentOf<Tensor>(stored: StoredTree<Tensor>) {
  return {
    metadata: stored.metadata,
    model: (options: ModelOptions) => readModel(stored, options),
    stored: () => outermostTensors(stored),
  };
}

function outermostTensors<Tensor>({ tree, kind, entry }: StoredTree<Tensor>): ReadonlyMap<string, TensorEntry> {
  const outer = tree instanceof Map ? (tree as ReadonlyMap<unknown, unknown>) : new Map<unknown, unknown>();
  const inner = [...outer.values()].filter((value): value is Map<unknown, unknown> => value instanceof Map);
  const tensors = new Map<string, TensorEntry>();
  for (const dict of [...inner, outer])
    for (const [name, value] of dict)
      if (typeof name === "string" && kind.isTensor(value)) tensors.set(name, entry(name, value));
  return tensors;
}

/** A tensor in messages: its type and shape. */
export const describeTensor = ({ typeName, shape }: { readonly typeName: string; readonly shape: readonly number[] }) =>
  `${typeName} [${shape.join(", ")}]`;
