import { sendsAnyHeader } from "#platform";
import { FileError } from "../platform/errors.js";
import { TransientError } from "./http-error.js";
import { addressOf, tokenFor } from "./hub.js";

/** How to fetch; `fetch` is replaceable for tests, proxies and authentication. */
export interface HttpOptions {
  /** Default: the platform's own. */
  readonly fetch?: typeof fetch | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A part of a file: from byte `start` on, up to `end` or the file's end. */
export interface RangeRequest {
  readonly start: number;
  readonly end?: number | undefined;
  /** The version that the part is of; a server that has another one by now sends all of it. */
  readonly ifRange?: string | undefined;
}

/** Throws FileError for what no request can be sent to. */
export function checkAddress(url: string): void {
  if (!URL.canParse(url)) throw new FileError(url, "is not a valid address; check how it is written");
}

/**
 * Sends a GET, with the hub's token to the hub. Rejects with TransientError where no answer comes; any status is one.
 * Rejects with FileError where the URL is none.
 */
export async function request(url: string, options: HttpOptions, range?: RangeRequest): Promise<Response> {
  checkAddress(url);
  const headers = new Headers();
  if (range) headers.set("range", `bytes=${range.start}-${range.end === undefined ? "" : range.end - 1}`);
  // A plain `Range` on GET needs no CORS preflight; `If-Range` would, so there a change is noticed by the answer alone.
  if (range?.ifRange !== undefined && sendsAnyHeader) headers.set("if-range", range.ifRange);
  const token = tokenFor(url);
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  const { fetch: fetcher = fetch, signal } = options;
  try {
    // A browser's own cache would answer with an older version, and keep everything a second time.
    return await fetcher(addressOf(url), { headers, cache: "no-store", ...(signal && { signal }) });
  } catch (cause) {
    signal?.throwIfAborted();
    // Only pages in browsers need the server's leave, and are not told which of the two it was.
    const refused = sendsAnyHeader ? "" : ", or does not allow this page to read from it (CORS)";
    throw new TransientError(url, `the server could not be reached${refused}${reasonOf(cause)}`, { cause });
  }
}

/** Node's fetch only says that it failed, and why in the cause of its error; browsers tell pages nothing. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error)) return "";
  // Where a name has several addresses, the reasons of all are within.
  const [first] = cause instanceof AggregateError ? (cause.errors as readonly unknown[]) : [cause];
  return first instanceof Error && first.message !== "" ? `: ${first.message}` : "";
}

/** What the Content-Range of an answer says; `start` and `end` are 0 where it names no bytes. Throws FileError where it is missing. */
export function contentRange(response: Response, url: string): { start: number; end: number; size: number } {
  const header = response.headers.get("content-range");
  const match = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+)$/.exec(header ?? "");
  if (!match)
    throw new FileError(
      url,
      `the answer's Content-Range is ${header ?? "missing"}; a server of another origin must expose it by Access-Control-Expose-Headers`,
    );
  return { start: Number(match[1] ?? 0), end: Number(match[2] ?? -1) + 1, size: Number(match[3]) };
}

/** The bytes of an answer as they come. Throws TransientError where the connection breaks off. */
export async function* chunksOf(
  response: Response,
  url: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  try {
    for (;;) {
      const part = await reader?.read();
      if (!part || part.done) return;
      yield part.value;
    }
  } catch (cause) {
    signal?.throwIfAborted();
    throw new TransientError(url, "the connection broke off", { cause, advice: "try again" });
  } finally {
    reader?.releaseLock();
  }
}
