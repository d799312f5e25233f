import { checkRange, FileError } from "../platform/errors.js";
import { publicUrl } from "../platform/secrets.js";
import type { ByteSource } from "../platform/source.js";
import { statusError } from "./http-error.js";
import { PATIENCE, type Patience } from "./patience.js";
import { chunksOf, contentRange, discard, request, type HttpOptions } from "./request.js";
import { withoutStall } from "./retry.js";

/**
 * Opens a URL for range requests (RFC 9110, section 14), so that reading a checkpoint's header takes a few kilobytes. Gives
 * up if the server stalls. Rejects with FileError, also if the server does not support ranges.
 */
export async function openUrl(url: string, options: HttpOptions = {}): Promise<HttpSource> {
  const patience = { ...PATIENCE, ...options.patience };
  const response = await withoutStall(url, patience, options, async (inTime) => {
    const answer = await request(url, inTime, { start: 0, end: 1 });
    await discard(answer);
    return answer;
  });
  if (response.status === 200)
    throw new FileError(url, "the server does not support range requests", {
      advice: "download the file and give its path",
    });
  // An empty file has no first byte: the server answers 416, and Content-Range still gives the size.
  if (response.status !== 206 && response.status !== 416) throw statusError(url, response);
  const size = contentRange(response, url).size;
  return new HttpSource(url, size, response.headers.get("etag"), patience, options.fetch);
}

/** A file on a server, read by range. */
export class HttpSource implements ByteSource {
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

  /** The whole URL, to resolve files beside this one. It may hold a user and password: never show it. */
  address(): string {
    return this.#url;
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

async function readBody(
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
