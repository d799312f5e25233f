import { basename } from "node:path";
import { openSource } from "../../files/open.js";
import type { Embedding } from "../../pipeline/embedding.js";
import type { DalleModelManager } from "../../pipeline/manager/model-manager.js";
import { readEmbeddings, type StoredEmbeddings } from "../../pipeline/records/embeddings-file.js";
import { UsageError } from "../errors.js";

/** Kinds of embeddings, and the option of `dalle2 embed` that writes each. */
const SOURCES = { priors: "--text", images: "--image" } as const;

/**
 * Loads the embeddings of one kind from a file written by `dalle2 embed`. Rejects with `UsageError` if it has none of that
 * kind, and with `FileError` or `FormatError` if it cannot be read.
 */
export async function loadEmbeddings<Kind extends keyof typeof SOURCES>(
  file: string,
  kind: Kind,
  signal: AbortSignal,
): Promise<StoredEmbeddings[Kind]> {
  const source = await openSource(file, { signal });
  try {
    const stored = await readEmbeddings(source, signal);
    if (stored[kind].length > 0) return stored[kind];
  } finally {
    await source.close();
  }
  const what = kind === "priors" ? "image embeddings of texts" : "image embeddings of images";
  throw new UsageError(`${file} has no ${what}. Write them with dalle2 embed ${SOURCES[kind]}.`);
}

/** Throws `UsageError` if the decoder takes embeddings of another length. */
export function checkEmbeddingLength(
  { decoder }: DalleModelManager,
  [first]: readonly Embedding[],
  file: string,
): void {
  const expected = decoder?.unets.map(({ imageEmbedDim }) => imageEmbedDim).find((dim) => dim !== undefined);
  const [given] = first?.shape ?? [];
  if (expected === undefined || given === expected) return;
  throw new UsageError(
    `${basename(file)} has embeddings of ${given} values, but this decoder takes ${expected}: they come from another CLIP model.`,
  );
}
