import { basename } from "node:path";
import { openSource } from "../../files/open.js";
import type { Embedding } from "../../pipeline/embedding.js";
import type { DalleModelManager } from "../../pipeline/manager/model-manager.js";
import { readEmbeddings, type StoredEmbeddings } from "../../pipeline/records/embeddings-file.js";
import { UsageError } from "../errors.js";

/** Kinds of embeddings that a command takes, with what `dalle2 embed` makes them of. */
const SOURCES = { priors: "--text", images: "--image" } as const;

/**
 * The embeddings of one kind in a file of `dalle2 embed`. Rejects with `UsageError` where it holds none of that kind, with
 * `FileError` or `FormatError` where it cannot be read.
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
  const [what, of] = kind === "priors" ? ["image embeddings of texts", "texts"] : ["embeddings of images", "images"];
  throw new UsageError(
    `${file}: there are no ${what} in it. Make them with dalle2 embed, which takes ${of} by ${SOURCES[kind]}.`,
  );
}

/** Throws `UsageError` where a decoder takes embeddings of another length. */
export function checkEmbeddingLength(
  { decoder }: DalleModelManager,
  [first]: readonly Embedding[],
  file: string,
): void {
  const taken = decoder?.unets.map(({ imageEmbedDim }) => imageEmbedDim).find((dim) => dim !== undefined);
  const [given] = first?.shape ?? [];
  if (taken === undefined || given === taken) return;
  throw new UsageError(
    `${basename(file)} has embeddings of ${given} values, and this decoder takes ${taken}: they come from another CLIP.`,
  );
}
