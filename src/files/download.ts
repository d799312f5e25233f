import { cacheFolder, join, openFile, writeFileAtomic } from "#platform";
import { FileError } from "../platform/errors.js";
import type { ByteSource } from "../platform/source.js";
import { openUrl, type HttpOptions } from "./http.js";
import { Sha256 } from "./sha256.js";

/** A published file that is known by its content. */
export interface PublishedFile {
  readonly url: string;
  /** In lower-case hexadecimal. */
  readonly sha256: string;
}

export interface DownloadOptions extends HttpOptions {
  /** Default: the user's cache (`cacheFolder` of the platform). */
  readonly folder?: string | undefined;
  /** Called after each part with the bytes fetched so far and in all. */
  readonly onProgress?: ((fetchedBytes: number, totalBytes: number) => void) | undefined;
}

// Large enough for the connection to be busy, small enough for one in memory not to matter.
const PART_BYTES = 2 ** 23;

/**
 * Opens a published file from the cache, into which it is downloaded the first time. It gets there only once its SHA-256
 * is right, and is not hashed again. Rejects with FileError; the caller closes the source.
 */
export async function openPublished(file: PublishedFile, options: DownloadOptions = {}): Promise<ByteSource> {
  const name = new URL(file.url).pathname.split("/").at(-1)!;
  const path = join(options.folder ?? cacheFolder(), `${file.sha256}-${name}`);
  return await openFile(path).catch(async (error: unknown) => {
    if (!(error instanceof FileError)) throw error;
    await download(file, path, options);
    return openFile(path);
  });
}

async function download(file: PublishedFile, path: string, options: DownloadOptions): Promise<void> {
  const source = await openUrl(file.url, options);
  try {
    await writeFileAtomic(path, checkedParts(source, file.sha256, options));
  } finally {
    await source.close();
  }
}

/** The content of a source; throws after the last part, before anyone takes it for complete, where it is not the one expected. */
async function* checkedParts(source: ByteSource, sha256: string, { signal, onProgress }: DownloadOptions) {
  const hash = new Sha256();
  for (let start = 0; start < source.size; start += PART_BYTES) {
    const part = await source.read(start, Math.min(PART_BYTES, source.size - start), signal);
    hash.update(part);
    yield part;
    onProgress?.(start + part.length, source.size);
  }
  const found = hash.digest();
  if (found === sha256) return;
  throw new FileError(
    source.name,
    `its SHA-256 is ${found}, not ${sha256}: the download was damaged, or is another file; try again`,
  );
}
