import type { RowRange, TensorEntry } from "./tensor-entry.js";

/** Some rows of a tensor in a file. */
export interface Rows {
  readonly entry: TensorEntry;
  readonly rows: RowRange;
}

/** Reads at the same time: as many as Node has threads for files. */
const MAX_READS = 4;

/**
 * Reads rows in order, and the next ones while the caller works: at most about `maxBytes`. Rejects with the first error. No
 * read is left when it ends.
 */
export async function* readAhead(
  pieces: readonly Rows[],
  maxBytes: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const reads: Promise<Uint8Array<ArrayBuffer>>[] = [];
  let begun = 0;
  let bytes = 0;
  const begin = (): void => {
    while (begun < pieces.length && reads.length < MAX_READS && (reads.length === 0 || bytes < maxBytes)) {
      const piece = pieces[begun++]!;
      bytes += bytesOf(piece);
      const read = piece.entry.read(piece.rows, signal);
      // It is awaited below. Until then a failure must not end the process as an unhandled rejection.
      read.catch(() => undefined);
      reads.push(read);
    }
  };
  try {
    for (const piece of pieces) {
      begin();
      const content = await reads[0]!;
      void reads.shift();
      bytes -= bytesOf(piece);
      begin();
      yield content;
    }
  } finally {
    await Promise.allSettled(reads);
  }
}

function bytesOf({ entry, rows: [start, end] }: Rows): number {
  return (end - start) * entry.rowBytes;
}
