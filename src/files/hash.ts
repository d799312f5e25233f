import { createSha256, openFile, statFile } from "#platform";

// Large enough for few reads, small enough for memory.
const PART_BYTES = 2 ** 23;

/** The first 64 bits of a text's SHA-256, in hexadecimal: enough to tell the files of one folder apart. */
export function shortHash(text: string): string {
  const hash = createSha256();
  hash.update(new TextEncoder().encode(text));
  return hash.digest().slice(0, 16);
}

/** SHA-256 of a file, in lower-case hexadecimal; undefined if the file is missing. Rejects with FileError. */
export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string | undefined> {
  const source = await ifExists(path, () => openFile(path));
  if (!source) return undefined;
  try {
    const hash = createSha256();
    for (let start = 0; start < source.size; start += PART_BYTES) {
      hash.update(await source.read(start, Math.min(PART_BYTES, source.size - start), signal));
    }
    return hash.digest();
  } finally {
    await source.close();
  }
}

/** Reads a file; undefined if it is missing, also if it disappears meanwhile. */
export async function ifExists<Value>(path: string, read: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await read();
  } catch (error) {
    if (await statFile(path)) throw error;
    return undefined;
  }
}
