import { checkRange, FileError } from "../platform/errors.js";
import { checkSize, MAX_BYTES } from "../platform/limits.js";
import { publicUrl } from "../platform/secrets.js";
import type { ByteSource } from "../platform/source.js";
import { statusError } from "./http-error.js";
import { announcedLength } from "./fetch-bytes.js";
import { LargeReads } from "./large-reads.js";
import { PATIENCE, type Patience } from "./patience.js";
import { chunksOf, contentRange, discard, request, type HttpOptions } from "./request.js";
import { withoutStall } from "./retry.js";
import { keepWhole } from "./whole-file.js";

/** The first request asks for this much, which holds the header of most checkpoints. */
const HEAD_BYTES = 2 ** 18;

/** How to open a file on a server. */
export interface OpenUrlOptions extends HttpOptions {
  /** Larger files are refused. Default: 256 GiB, or 32 GiB if the server does not announce the size. */
  readonly maxBytes?: number | undefined;
  /** If true, a small file is not fetched whole, where its server has ranges. Default false. */
  readonly headersOnly?: boolean | undefined;
}

/** A file on a server. `address` is its whole URL, to resolve files beside it. It may hold a user and password: never show it. */
export interface UrlSource extends ByteSource {
  readonly address: string;
}

/**
 * Opens a URL for reads by range (RFC 9110, section 14), in few large requests. A server without ranges sends the file once, as
 * a whole. Gives up if the server stalls. Rejects with FileError.
 */
export async function openUrl(url: string, options: OpenUrlOptions = {}): Promise<UrlSource> {
  const opened = await openRanges(url, options, HEAD_BYTES);
  const source = opened.head ? new LargeReads(opened.source, opened.head, options.headersOnly) : opened.source;
  return new SourceAt(source, url);
}

/** A file that the server announces, unpacks, or sends without an end. */
function mostBytes(response: Response): number {
  if (announcedLength(response) !== undefined) return MAX_BYTES.download;
  return response.headers.has("content-encoding") ? MAX_BYTES.compressed : MAX_BYTES.unannounced;
}

class SourceAt implements UrlSource {
  readonly name: string;
  readonly size: number;

  constructor(
    private readonly source: ByteSource,
    readonly address: string,
  ) {
    this.name = publicUrl(address);
    this.size = source.size;
  }

  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    return this.source.read(offset, length, signal);
  }

  close(): Promise<void> {
    return this.source.close();
  }
}

/** A file on a server, and its first bytes; or without them, all of the file. */
export interface OpenedRanges {
  readonly source: ByteSource;
  readonly head: Uint8Array<ArrayBuffer> | undefined;
}

/** Opens a URL whose reads are requests for exactly their bytes, with one for the first `headBytes`. Rejects with FileError. */
export function openRanges(url: string, options: OpenUrlOptions, headBytes: number): Promise<OpenedRanges> {
  const { maxBytes = MAX_BYTES.download } = options;
  const patience = { ...PATIENCE, ...options.patience };
  const name = publicUrl(url);
  return withoutStall(url, patience, options, async (inTime, alive) => {
    const response = await request(url, inTime, { start: 0, end: headBytes });
    const chunks = () => chunksOf(response, name, inTime.signal, alive);
    try {
      if (response.status === 200) {
        checkSize(name, announcedLength(response) ?? 0, maxBytes);
        const most = Math.min(maxBytes, mostBytes(response));
        return { source: await keepWhole(name, chunks(), most), head: undefined };
      }
      // An empty file has no first byte: the server answers 416, and Content-Range still gives the size.
      if (response.status !== 206 && response.status !== 416) throw statusError(url, response);
      const { start, end, size } = contentRange(response, url);
      checkSize(name, size, maxBytes);
      if (start !== 0 || end > headBytes) {
        throw new FileError(name, `the server sent bytes ${start} to ${end}, not 0 to ${headBytes}`);
      }
      const head = response.status === 206 ? await readBody(chunks(), name, end) : new Uint8Array(0);
      return { source: new HttpSource(url, size, response.headers.get("etag"), patience, options.fetch), head };
    } finally {
      await discard(response);
    }
  });
}

/** A file on a server. Each read is a request. */
class HttpSource implements ByteSource {
  /** The URL without secrets. */
  readonly name: string;
  readonly #url: string;

  constructor(
    url: string,
    readonly size: number,
    private readonly etag: string | null,
    private readonly patience: Patience,
    private readonly fetcher: typeof fetch | undefined,
  ) {
    this.name = publicUrl(url);
    this.#url = url;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    checkRange(this.name, this.size, offset, length);
    if (length === 0) return new Uint8Array(0);
    const range = { start: offset, end: offset + length };
    const options = { fetch: this.fetcher, signal };
    return withoutStall(this.#url, this.patience, options, async (inTime, alive) => {
      const response = await request(this.#url, inTime, range);
      try {
        this.checkPart(response, offset, length);
        return await readBody(chunksOf(response, this.name, inTime.signal, alive), this.name, length);
      } finally {
        await discard(response);
      }
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private checkPart(response: Response, offset: number, length: number): void {
    if (response.status !== 206)
      throw new FileError(this.name, `HTTP status ${response.status} to a range request, expected 206`);
    const range = contentRange(response, this.name);
    if (range.size !== this.size || response.headers.get("etag") !== this.etag)
      throw new FileError(this.name, "the file changed on the server while it was read", { advice: "open it again" });
    if (range.start !== offset || range.end !== offset + length)
      throw new FileError(
        this.name,
        `the server sent bytes ${range.start} to ${range.end}, not ${offset} to ${offset + length}`,
      );
  }
}

/** Reads a response of `length` bytes. Rejects with FileError if it has more or fewer. */
export async function readBody(
  chunks: AsyncIterable<Uint8Array>,
  url: string,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  for await (const chunk of chunks) {
    if (filled + chunk.length > length)
      throw new FileError(url, `the server sent more than the ${length} bytes that it announced`);
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  if (filled < length)
    throw new FileError(url, `the connection ended after ${filled} of ${length} bytes`, { advice: "try again" });
  return bytes;
}
