import { cacheFolder, join, openFile, writeFileAtomic } from "#platform";
import { FileError } from "../platform/errors.js";
import type { ByteSource } from "../platform/source.js";
import { openUrl, type HttpOptions } from "./http.js";
import { Sha256 } from "./sha256.js";

/** A file on a server that is kept on this machine once it was fetched. */
export interface RemoteFile {
  readonly url: string;
  /** Where its checksum stands: `sha256sum` output, bare hex, or a git LFS pointer. Hub `resolve/` URLs find theirs (`raw/`) alone. */
  readonly checksumUrl?: string | undefined;
  /** In lower-case hexadecimal, where it is known beforehand. */
  readonly sha256?: string | undefined;
  /** Folder it is kept in under `filename`, as dalle2-laion keeps it. Default: the user's cache. */
  readonly folder?: string | undefined;
  readonly filename: string;
}

/** How far the transfer of a file is. */
export interface DownloadProgress {
  /** The URL. */
  readonly file: string;
  readonly loadedBytes: number;
  /** Undefined where the server does not say. */
  readonly totalBytes: number | undefined;
}

export interface RemoteOptions extends HttpOptions {
  /** Instead of the user's cache (`cacheFolder` of the platform). */
  readonly cacheFolder?: string | undefined;
  /** Default true; with false, what is kept is used without asking the server for a newer version. */
  readonly checkUpdates?: boolean | undefined;
  /** Default true; with false, a file without `folder` is fetched each time and removed when its source is closed. */
  readonly keep?: boolean | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

// Large enough for the connection to be busy, small enough for one in memory not to matter.
const PART_BYTES = 2 ** 23;

/** Opens a file on a server from the folder it is kept in, to which it is downloaded the first time. Rejects with FileError. */
export async function openRemote(file: RemoteFile, options: RemoteOptions = {}): Promise<ByteSource> {
  const name = file.folder === undefined ? `${hashText(file.url).slice(0, 16)}-${file.filename}` : file.filename;
  const path = join(file.folder ?? options.cacheFolder ?? cacheFolder(), name);
  return await openFile(path).catch(async (error: unknown) => {
    if (!(error instanceof FileError)) throw error;
    const source = await openUrl(file.url, options);
    try {
      await writeFileAtomic(path, checkedParts(source, file, options));
    } finally {
      await source.close();
    }
    return openFile(path);
  });
}

async function* checkedParts(source: ByteSource, { url, sha256 }: RemoteFile, { signal, onProgress }: RemoteOptions) {
  const hash = new Sha256();
  for (let start = 0; start < source.size; start += PART_BYTES) {
    const part = await source.read(start, Math.min(PART_BYTES, source.size - start), signal);
    hash.update(part);
    yield part;
    onProgress?.({ file: url, loadedBytes: start + part.length, totalBytes: source.size });
  }
  const found = hash.digest();
  if (sha256 === undefined || found === sha256) return;
  throw new FileError(url, `its SHA-256 is ${found}, not ${sha256}: the download was damaged, or is another file`);
}

function hashText(text: string): string {
  const hash = new Sha256();
  hash.update(new TextEncoder().encode(text));
  return hash.digest();
}
