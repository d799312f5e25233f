import { locksFiles, openWriter, removeFile, statFile } from "#platform";
import { FileError } from "../platform/errors.js";
import type { FileWriter } from "../platform/file-writer.js";
import { checkSize, MAX_BYTES, TooLargeError } from "../platform/limits.js";
import type { ArrivedBytes } from "./arrived-bytes.js";
import { ChangedError } from "./changed.js";
import { statusError, TransientError } from "./http-error.js";
import { chunksOf, contentRange, discard, request, type HttpOptions } from "./request.js";
import { stateOf, type RemoteState } from "./remote-state.js";
import { withoutStall, withRetries, type RunPatience } from "./retry.js";

export interface TransferOptions extends HttpOptions {
  readonly patience: RunPatience;
  /** Larger files are refused. */
  readonly maxBytes: number;
  readonly onProgress: (loadedBytes: number) => void;
  /** Called with bytes that were written, and their offset. */
  readonly onBytes?: ((offset: number, bytes: Uint8Array) => void) | undefined;
  /** Who reads the file meanwhile. */
  readonly arrived?: ArrivedBytes | undefined;
}

/** The file that a download is written to. */
export interface PartFile {
  readonly path: string;
  /** True if existing bytes may be kept: all writers of the file write the same bytes. */
  readonly isResumable: boolean;
}

// The retry count starts again after this many new bytes, so only a transfer that hardly progresses is given up.
const PROGRESS_BYTES = 2 ** 20;

/**
 * Fetches a file in the state that `probe` found. Several processes may write to a resumable part at the same time: each
 * starts at an existing length and writes the same bytes. So the part is valid up to its length, even if a process is
 * killed.
 *
 * Rejects with ChangedError if the server's state has changed.
 */
export async function transfer(url: string, state: RemoteState, part: PartFile, options: TransferOptions) {
  const { patience, signal } = options;
  let furthest = 0;
  let reached = 0;
  const hasAdvanced = (): boolean => {
    const advanced = reached >= furthest + PROGRESS_BYTES;
    if (advanced) furthest = reached;
    return advanced;
  };
  const onProgress = (end: number): void => {
    reached = Math.max(reached, end);
    options.onProgress(end);
  };
  await withRetries(url, patience, signal, () => fetchRest(url, state, part, { ...options, onProgress }), hasAdvanced);
}

/** Requests what is missing of the part. */
async function fetchRest(
  url: string,
  state: RemoteState,
  { path, isResumable }: PartFile,
  { patience, onProgress, onBytes, arrived, maxBytes, ...http }: TransferOptions,
): Promise<void> {
  const { size, version } = state;
  checkSize(url, size ?? 0, maxBytes);
  const kept = (await statFile(path))?.size ?? 0;
  const start = isResumable && kept <= (size ?? 0) ? kept : 0;
  if (start < kept) await removeFile(path);
  await arrived?.begin(path, start);
  onProgress(start);
  if (start === size) {
    // An empty file has no bytes to write.
    if (size === 0) await (await openWriter(path)).close();
    return;
  }
  await withoutStall(url, patience, http, async (inTime, alive) => {
    const response = await request(url, inTime, { start, ifRange: start > 0 ? version : undefined });
    try {
      const chunks = chunksOf(response, url, inTime.signal, alive);
      const offset = startOf(response, url, start, state);
      const limit = Math.min(maxBytes, size === undefined ? limitOf(response) : maxBytes);
      const onWritten = (start: number, bytes: Uint8Array): void => {
        onBytes?.(start, bytes);
        onProgress(start + bytes.length);
      };
      await write(path, chunks, { url, offset, size, maxBytes: limit, arrived }, onWritten);
    } finally {
      await discard(response);
    }
  });
}

/** The limit for a response of unknown size: a few kilobytes may decompress to gigabytes. */
function limitOf({ headers }: Response): number {
  return headers.has("content-encoding") ? MAX_BYTES.compressed : MAX_BYTES.unannounced;
}

/** The offset of a response: 0 if the server ignores ranges. Throws if it is of another state. */
function startOf(response: Response, url: string, start: number, state: RemoteState): number {
  if (response.status === 416) throw new ChangedError(url);
  if (!response.ok) throw statusError(url, response);
  const { size, version } = stateOf(response, url);
  if (version !== state.version || (size ?? state.size) !== state.size) throw new ChangedError(url);
  const offset = response.status === 206 ? contentRange(response, url).start : 0;
  if (offset === start || offset === 0) return offset;
  throw new FileError(url, `the server sent bytes from ${offset}, not from ${start}`);
}

/** What is written, and how much of it at most. */
interface Written {
  readonly url: string;
  readonly offset: number;
  readonly size: number | undefined;
  readonly maxBytes: number;
  readonly arrived: ArrivedBytes | undefined;
}

/**
 * Opens a part to write from an offset on. Another process may have moved the part to its place since its length was asked, and a
 * new file would have a hole there.
 */
async function openPart(path: string, offset: number, url: string): Promise<FileWriter> {
  if (offset === 0) return openWriter(path);
  const writer = await openWriter(path, { mustExist: true }).catch((error: unknown) => {
    throw error instanceof FileError && error.code === "file/not-found" ? new ChangedError(url) : error;
  });
  // Or it has begun the part again.
  if (locksFiles || ((await statFile(path))?.size ?? 0) >= offset) return writer;
  await writer.close();
  throw new ChangedError(url);
}

async function write(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  { url, offset, size, maxBytes, arrived }: Written,
  onBytes: (offset: number, bytes: Uint8Array) => void,
): Promise<void> {
  const writer = await openPart(path, offset, url);
  const close = (): Promise<void> => (arrived ? arrived.closeWriter(end) : writer.close());
  let end = offset;
  try {
    await arrived?.writeBy(writer);
    for await (const chunk of chunks) {
      if (end + chunk.length > (size ?? Infinity))
        throw new FileError(url, `the server sent more than the ${size} bytes that it announced`);
      if (end + chunk.length > maxBytes)
        throw new TooLargeError(url, `the server announced no size and sent more than ${maxBytes} bytes`, maxBytes);
      await writer.write(end, chunk);
      onBytes(end, chunk);
      end += chunk.length;
      arrived?.advance(end);
    }
  } catch (error) {
    // Report the first error, even if closing fails too.
    await close().catch(() => undefined);
    throw error;
  }
  await close();
  if (end < (size ?? 0)) {
    throw new TransientError(url, `the connection ended after ${end} of ${size} bytes`, { advice: "try again" });
  }
}
