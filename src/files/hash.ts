import { createSha256, openFile, statFile } from "#platform";
import { FileError } from "../platform/errors.js";
import { addPiece, pieceCount, pieceRange } from "./pieces.js";

/** The checksums of a file. */
export interface FileSums {
  /** How many bytes they are of. */
  readonly size: number;
  /** Of the whole file, in lower-case hexadecimal. */
  readonly sha256: string;
  /** Of each piece: `pieceSum`. */
  readonly pieces: string[];
}

/** The first 64 bits of a text's SHA-256, in hexadecimal: enough to tell the files of one folder apart. */
export function shortHash(text: string): string {
  const hash = createSha256();
  hash.update(new TextEncoder().encode(text));
  return hash.digest().slice(0, 16);
}

/** The checksums of a file; undefined if the file is missing. Rejects with FileError. */
export async function sumsOfFile(path: string, signal?: AbortSignal): Promise<FileSums | undefined> {
  const source = await ifExists(path, () => openFile(path));
  if (!source) return undefined;
  try {
    const hash = createSha256();
    const pieces: string[] = [];
    for (let index = 0; index < pieceCount(source.size); index++) {
      const { start, length } = pieceRange(index, source.size);
      pieces.push(await addPiece(hash, await source.read(start, length, signal)));
    }
    return { size: source.size, sha256: hash.digest(), pieces };
  } finally {
    await source.close();
  }
}

/** Reads a file; undefined if it is missing, also if it disappears meanwhile. */
export async function ifExists<Value>(path: string, read: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await read();
  } catch (error) {
    // Another process may have made it since.
    const wasMissing = error instanceof FileError && error.code === "file/not-found";
    if (!wasMissing && (await statFile(path))) throw error;
    return undefined;
  }
}
