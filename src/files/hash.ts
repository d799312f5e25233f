import { createSha256, openFile, statFile } from "#platform";

// Large enough for few reads, small enough for one in memory not to matter.
const PART_BYTES = 2 ** 23;

/** The first 64 bits of the SHA-256 of a text, in hexadecimal: enough to tell the files of one folder apart. */
export function shortHash(text: string): string {
  const hash = createSha256();
  hash.update(new TextEncoder().encode(text));
  return hash.digest().slice(0, 16);
}

/** SHA-256 of what a file holds, in lower-case hexadecimal; undefined where it is missing. Rejects with FileError. */
export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string | undefined> {
  const source = await whereThere(path, () => openFile(path));
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

/** What is read of a file; undefined where there is none, also when it goes away in this moment. */
export async function whereThere<Value>(path: string, read: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await read();
  } catch (error) {
    if (await statFile(path)) throw error;
    return undefined;
  }
}
