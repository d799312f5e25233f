// A single file of tensors, in any format.
import { loadPart } from "../platform/load-part.js";
import type { ByteSource } from "../platform/source.js";
import { FormatError } from "./errors.js";
import { Budget } from "./formats/budget.js";
import { looksLikeSafetensors, openSafetensors } from "./formats/safetensors.js";
import { restoreSparseRows, SPARSE_SHAPE } from "./formats/sparse-rows.js";
import { looksLikeTorchLegacy, looksLikeZip } from "./formats/torch-magic.js";
import { contentOf, describeTensor, type TensorFile } from "./tensor-content.js";
import { TensorEntry } from "./tensor-entry.js";
import type { TensorKind } from "./tree/entries.js";

const torchFiles = () => loadPart("the reader of torch's files", () => import("./torch-file.js"));

interface Format {
  /** True if a file of `size` bytes that starts with `head` has this format. */
  readonly matches: (head: Uint8Array, size: number) => boolean;
  readonly open: (source: ByteSource, signal?: AbortSignal) => Promise<TensorFile>;
}

const FORMATS: readonly Format[] = [
  {
    matches: looksLikeZip,
    open: async (source, signal) => (await torchFiles()).openZipFile(source, signal),
  },
  {
    matches: looksLikeTorchLegacy,
    open: async (source, signal) => (await torchFiles()).openLegacyFile(source, signal),
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
  if (open) return open(source, signal);
  const { describeForeign } = await loadPart("descriptions of other files", () => import("./foreign-format.js"));
  throw new FormatError(source.name, describeForeign(head, source));
}

const ENTRIES: TensorKind<TensorEntry> = {
  isTensor: (value) => value instanceof TensorEntry,
  isSame: (one, other) => one === other,
  describe: describeTensor,
};

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
