// A single file of tensors, in any format.
import type { ByteSource } from "../platform/source.js";
import { FormatError } from "./errors.js";
import { describeForeign } from "./foreign-format.js";
import { Budget } from "./formats/budget.js";
import { looksLikeSafetensors, openSafetensors } from "./formats/safetensors.js";
import { restoreSparseRows, SPARSE_SHAPE } from "./formats/sparse-rows.js";
import type { TorchArchive } from "./formats/torch-archive.js";
import { looksLikeTorchLegacy, openTorchLegacy } from "./formats/torch-legacy.js";
import { TensorRef } from "./formats/torch-objects.js";
import { openTorchZip } from "./formats/torch-zip.js";
import { readModel, type ModelContent, type ModelOptions, type StoredTree } from "./read-model.js";
import { TensorEntry } from "./tensor-entry.js";
import type { TensorKind } from "./tree/entries.js";

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

interface Format {
  /** True if a file of `size` bytes that starts with `head` has this format. */
  readonly matches: (head: Uint8Array, size: number) => boolean;
  readonly open: (source: ByteSource, signal?: AbortSignal) => Promise<TensorFile>;
}

const FORMATS: readonly Format[] = [
  {
    matches: (head) => [0x50, 0x4b, 0x03, 0x04].every((byte, i) => head[i] === byte),
    open: async (source, signal) => torchFile(await openTorchZip(source, signal)),
  },
  {
    matches: looksLikeTorchLegacy,
    open: async (source, signal) => torchFile(await openTorchLegacy(source, signal)),
  },
  {
    matches: looksLikeSafetensors,
    open: async (source, signal) => {
      const { metadata, tensors } = await openSafetensors(source, signal);
      return entriesFile(tensors, metadata, source, signal);
    },
  },
];

/** The function that opens a file beginning with `head`; undefined if the format is unknown. */
export function formatOf(head: Uint8Array, size: number): Format["open"] | undefined {
  return FORMATS.find(({ matches }) => matches(head, size))?.open;
}

/**
 * Reads the headers of a file of any format. Rejects with FormatError if the format is unknown, and says what the file is
 * instead.
 */
export async function openTensorFile(source: ByteSource, head: Uint8Array, signal?: AbortSignal): Promise<TensorFile> {
  const open = formatOf(head, source.size);
  if (!open) throw new FormatError(source.name, describeForeign(head, source));
  return open(source, signal);
}

const describe = ({ typeName, shape }: { readonly typeName: string; readonly shape: readonly number[] }) =>
  `${typeName} [${shape.join(", ")}]`;

function isSameView({ view: one, shape }: TensorRef, { view: other, shape: otherShape }: TensorRef): boolean {
  if (!one || !other) return false;
  return (
    one.storage.key === other.storage.key &&
    one.storage.content === other.storage.content &&
    one.start === other.start &&
    one.isNegated === other.isNegated &&
    shape.join() === otherShape.join() &&
    one.strides.join() === other.strides.join()
  );
}

const TORCH: TensorKind<TensorRef> = {
  isTensor: (value) => value instanceof TensorRef,
  isSame: (one, other) => one === other || isSameView(one, other),
  describe,
};

const ENTRIES: TensorKind<TensorEntry> = {
  isTensor: (value) => value instanceof TensorEntry,
  isSame: (one, other) => one === other,
  describe,
};

function torchFile({ format, tree, tensor, budget }: TorchArchive): TensorFile {
  return { format, tree, ...contentOf({ tree, kind: TORCH, entry: tensor, metadata: new Map(), budget }) };
}

/** Tensors by name as a file. Tables that are stored by rows are restored. */
export async function entriesFile(
  tensors: ReadonlyMap<string, TensorEntry>,
  metadata: ReadonlyMap<string, string>,
  source: ByteSource,
  signal?: AbortSignal,
): Promise<TensorFile> {
  const sparse = metadata.get(SPARSE_SHAPE);
  const tree = sparse === undefined ? tensors : await restoreSparseRows(tensors, sparse, source.name, signal);
  const entry = (name: string, stored: TensorEntry) => stored.renamed(name);
  const budget = new Budget(source.name, source.size);
  return { format: "safetensors", tree: null, ...contentOf({ tree, kind: ENTRIES, entry, metadata, budget }) };
}

function contentOf<Tensor>(stored: StoredTree<Tensor>) {
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
