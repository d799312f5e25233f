import { exclusively } from "#platform";
import { FileError } from "../platform/errors.js";
import { warnOnConsole } from "../platform/printable.js";
import type { ByteSource } from "../platform/source.js";
import { fetchBytes } from "./fetch-bytes.js";
import { TransientError } from "./http-error.js";
import { keptFileOf, openKept } from "./remote-file.js";
import { patienceOf, type RemoteFile, type RemoteOptions } from "./remote-options.js";

/** What is kept of a file, and how. */
type Kept = RemoteFile & { readonly maxBytes: number };

/**
 * Fetches a small file into memory, and keeps it for when its server cannot be reached: then the kept one is used, with a
 * warning. Rejects with FileError.
 */
export async function fetchOrKept(file: Kept, options: RemoteOptions): Promise<Uint8Array<ArrayBuffer>> {
  const before = await readKept(file, options);
  if (before && options.checkUpdates === false) return before;
  try {
    const patience = patienceOf(options, before !== undefined);
    const bytes = await fetchBytes(file.url, file.maxBytes, { ...options, patience });
    if (options.keep !== false && !isSame(before, bytes)) await keep(file, bytes, options);
    return bytes;
  } catch (error) {
    if (!before || !(error instanceof TransientError)) throw error;
    const { onWarning: warn = warnOnConsole } = options;
    warn(`${error.message}. Using the copy that was kept`);
    return before;
  }
}

async function readKept(file: Kept, options: RemoteOptions): Promise<Uint8Array<ArrayBuffer> | undefined> {
  let source: ByteSource | undefined;
  try {
    source = await openKept(file, options);
    return await source?.read(0, Math.min(source.size, file.maxBytes));
  } catch (error) {
    // As if there were none: it is damaged, or this page has no storage.
    if (error instanceof FileError) return undefined;
    throw error;
  } finally {
    await source?.close();
  }
}

function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a?.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** That it cannot be kept, as in private windows, is no reason to fail. */
async function keep(file: Kept, bytes: Uint8Array, options: RemoteOptions): Promise<void> {
  const kept = keptFileOf(file, options);
  await exclusively(kept.path, () => kept.keep(bytes, file.url)).catch((error: unknown) => {
    if (!(error instanceof FileError)) throw error;
  });
}
