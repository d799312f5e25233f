import { exclusively, openFile, openWriter, statFile } from "#platform";
import { FileError } from "../platform/errors.js";
import { warnOnConsole } from "../platform/printable.js";
import { publicUrl } from "../platform/secrets.js";
import type { Mending } from "./checked-source.js";
import { openRanges } from "./http.js";
import { readRecord, type FileRecord, type KeptFile } from "./kept-file.js";
import { pieceRange, pieceSum } from "./pieces.js";
import type { HttpOptions } from "./request.js";

/** Where damaged pieces of a file are fetched again, and who is told. */
export interface MendingOptions extends HttpOptions {
  readonly url: string;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** Fetches a damaged piece of a kept file again and writes it, unless someone has done so. Rejects with FileError. */
export function mend(kept: KeptFile, index: number, options: MendingOptions): ReturnType<Mending["mend"]> {
  return exclusively(kept.path, async () => {
    const record = await readRecord(kept.path);
    const sum = record?.pieces?.[index];
    if (record === undefined || sum === undefined) throw await damaged(kept, options.url);
    const mended = await openIfRight(kept, index, sum);
    if (mended) return mended;
    const { start } = pieceRange(index, record.size);
    const bytes = await fetchPiece(kept, record, index, options);
    await write(kept, record, start, bytes).catch((error: unknown) => {
      // The bytes themselves are right.
      if (!(error instanceof FileError)) throw error;
      warn(options, `${error.message}. The damaged bytes of ${kept.path} are still there`);
    });
    return { bytes, source: await openFile(kept.path) };
  });
}

/** Opens the file and reads a piece; undefined if it is damaged. */
async function openIfRight({ path }: KeptFile, index: number, sum: string) {
  const source = await openFile(path);
  let isRight = false;
  try {
    const { start, length } = pieceRange(index, source.size);
    const bytes = await source.read(start, length);
    isRight = (await pieceSum(bytes)) === sum;
    return isRight ? { bytes, source } : undefined;
  } finally {
    if (!isRight) await source.close();
  }
}

async function fetchPiece(
  kept: KeptFile,
  { size, pieces }: FileRecord,
  index: number,
  options: MendingOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { start, length } = pieceRange(index, size);
  warn(options, `${kept.path}: bytes ${start} to ${start + length} are damaged; fetching them again`);
  try {
    const { source: server } = await openRanges(options.url, { ...options, maxBytes: size }, 1);
    try {
      const bytes = server.size === size ? await server.read(start, length) : undefined;
      if (bytes && (await pieceSum(bytes)) === pieces?.[index]) return bytes;
    } finally {
      await server.close();
    }
  } catch (cause) {
    if (cause instanceof FileError) throw await damaged(kept, options.url, cause);
    throw cause;
  }
  throw await damaged(kept, options.url);
}

/** The error if damage cannot be mended now. The file is fetched again when it is next opened. */
async function damaged(kept: KeptFile, url: string, cause?: FileError): Promise<FileError> {
  await kept.distrust().catch(() => undefined);
  const why = cause ? `could not be fetched again: ${cause.message}` : "the server has another version now";
  return new FileError(kept.path, `the download of ${publicUrl(url)} is damaged, and ${why}`, {
    code: "file/damaged",
    cause,
    advice: "load the models again with a connection, which downloads the file again",
  });
}

async function write(kept: KeptFile, record: FileRecord, start: number, bytes: Uint8Array): Promise<void> {
  const writer = await openWriter(kept.path);
  try {
    await writer.write(start, bytes);
  } finally {
    await writer.close();
  }
  const stat = await statFile(kept.path);
  if (stat) await kept.renew(record, stat);
}

function warn({ onWarning = warnOnConsole }: MendingOptions, message: string): void {
  onWarning(message);
}
