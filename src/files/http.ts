import { checkRange, FileError } from "../platform/errors.js";
import type { ByteSource } from "../platform/source.js";
import { statusError } from "./http-error.js";
import { chunksOf, contentRange, request, type HttpOptions } from "./request.js";

/**
 * Opens a URL for reads by range (RFC 9110, section 14), so that a checkpoint's header costs a few kilobytes.
 * Rejects with FileError where the server sends no ranges.
 */
export async function openUrl(url: string, options: HttpOptions = {}): Promise<ByteSource> {
  const response = await request(url, options, { start: 0, end: 1 });
  await response.body?.cancel();
  if (response.status === 200)
    throw new FileError(url, "the server ignores range requests; download the file and give its path");
  // An empty file has no first byte to send: the answer is 416, and its Content-Range still names the size.
  if (response.status !== 206 && response.status !== 416) throw statusError(url, response);
  const size = contentRange(response, url).size;
  return new HttpSource(options.fetch, url, size, response.headers.get("etag"));
}

class HttpSource implements ByteSource {
  constructor(
    private readonly fetcher: typeof fetch | undefined,
    readonly name: string,
    readonly size: number,
    private readonly etag: string | null,
  ) {}

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    checkRange(this.name, this.size, offset, length);
    if (length === 0) return new Uint8Array(0);
    const range = { start: offset, end: offset + length };
    const response = await request(this.name, { fetch: this.fetcher, signal }, range);
    try {
      this.checkPart(response, offset, length);
      return await readBody(response, this.name, length, signal);
    } catch (error) {
      // The first failure is the one to report, even where there is nothing left to cancel.
      await response.body?.cancel().catch(() => undefined);
      throw error;
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private checkPart(response: Response, offset: number, length: number): void {
    if (response.status !== 206)
      throw new FileError(this.name, `HTTP status ${response.status} to a range request, expected 206`);
    const range = contentRange(response, this.name);
    if (range.size !== this.size || response.headers.get("etag") !== this.etag)
      throw new FileError(this.name, "the file changed on the server while it was read; open it again");
    if (range.start !== offset || range.end !== offset + length)
      throw new FileError(
        this.name,
        `the server sent bytes ${range.start} to ${range.end}, not ${offset} to ${offset + length}`,
      );
  }
}

async function readBody(
  response: Response,
  url: string,
  length: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  for await (const chunk of chunksOf(response, url, signal)) {
    if (filled + chunk.length > length)
      throw new FileError(url, `the server sent more than the ${length} bytes that it announced`);
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  if (filled < length) throw new FileError(url, `the connection ended after ${filled} of ${length} bytes; try again`);
  return bytes;
}
