// What a server says of a file. Apart from the transfer of files, which pages load when they download.
import { announcedLength } from "./fetch-bytes.js";
import { statusError } from "./http-error.js";
import { contentRange, discard, request, type HttpOptions } from "./request.js";
import { withoutStall, withRetries, type RunPatience } from "./retry.js";

/** The state of a file on a server. */
export interface RemoteState {
  /** In bytes; undefined if the server does not say. */
  readonly size: number | undefined;
  /** Its ETag, or else its Last-Modified; undefined if the server sends neither. */
  readonly version: string | undefined;
  /** True if `version` and `size` identify the exact bytes, so that parts fetched at different times fit together. */
  readonly isExact: boolean;
  /** True if the server sends ranges of it. */
  readonly hasRanges: boolean;
}

/**
 * Asks for the state of a file by requesting its first byte, because servers with signed URLs refuse HEAD. Rejects with
 * FileError.
 */
export function probe(url: string, patience: RunPatience, options: HttpOptions): Promise<RemoteState> {
  return withRetries(url, patience, options.signal, () =>
    withoutStall(url, patience, options, async (inTime) => {
      const response = await request(url, inTime, { start: 0, end: 1 });
      await discard(response);
      // An empty file has no first byte: the server answers 416, and Content-Range still gives the size.
      if (!response.ok && response.status !== 416) throw statusError(url, response);
      return stateOf(response, url);
    }),
  );
}

/** The state of a file by a response to a request for some of its bytes. */
export function stateOf(response: Response, url: string): RemoteState {
  const { status, headers } = response;
  const size = status === 200 ? announcedLength(response) : contentRange(response, url).size;
  const hasRanges = status !== 200;
  const [etag, modified] = [headers.get("etag"), headers.get("last-modified")];
  if (etag !== null) return { size, version: etag, isExact: size !== undefined && !etag.startsWith("W/"), hasRanges };
  // A file that changed in the second of the response may change again in that second (RFC 9110, section 8.8.2.2).
  const age = Date.parse(headers.get("date") ?? "") - Date.parse(modified ?? "");
  const isExact = size !== undefined && modified !== null && !(age < 1000);
  return { size, version: modified ?? undefined, isExact, hasRanges };
}
