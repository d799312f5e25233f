import { freeBytes, spaceAdvice, writesToCopy } from "#platform";
import { FileError } from "../platform/errors.js";
import { formatBytes } from "../platform/format-bytes.js";

/** There is no room for a download, found before its first byte. */
export class QuotaError extends FileError {
  static override readonly code = "file/quota";
  override readonly name = "QuotaError";
  /** Bytes that the download needs. */
  readonly neededBytes: number;
  /** Bytes that this site may still store, or that are free on the disk. */
  readonly freeBytes: number;

  static {
    this.register(this);
  }

  constructor(location: string, neededBytes: number, free: number) {
    const copied = writesToCopy() ? " (in a page; less in a worker, which writes in place)" : "";
    super(
      location,
      `the download needs ${formatBytes(neededBytes)}${copied}, but there is room for ${formatBytes(free)}`,
      {
        advice: spaceAdvice,
      },
    );
    this.neededBytes = neededBytes;
    this.freeBytes = free;
  }
}

/** Rejects with QuotaError if the rest of a download, `left` of `size` bytes, does not fit into a folder. */
export async function checkSpace(location: string, folder: string, left: number, size: number): Promise<void> {
  // Near its end, a writer that copies has the file twice.
  const needed = writesToCopy() && left > 0 ? left + size : left;
  const free = await freeBytes(folder);
  if (free !== undefined && needed > free) throw new QuotaError(location, needed, free);
}
