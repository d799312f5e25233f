import { explainFailedFetch, sendsAnyHeader } from "#platform";
import { concatBytes } from "../platform/bytes.js";
import { FileError } from "../platform/errors.js";
import { TooLargeError } from "../platform/limits.js";
import type { FailedFetch } from "../platform/platform.js";
import { registerSecret } from "../platform/secrets.js";
import { TransientError } from "./http-error.js";
import { addressOf, tokenFor } from "./hub.js";
import type { Patience } from "./patience.js";

/** How to fetch. Tests, proxies and authentication may replace `fetch`. */
export interface HttpOptions {
  /** Default: the platform's own. */
  readonly fetch?: typeof fetch | undefined;
  /** Ends the transfer; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** When to retry, and when to give up. */
  readonly patience?: Partial<Patience> | undefined;
}

/** A range of a file: from byte `start` up to `end` or the end of the file. */
export interface RangeRequest {
  readonly start: number;
  readonly end?: number | undefined;
  /** The version of the file that the range belongs to. A server with another version sends the whole file. */
  readonly ifRange?: string | undefined;
}

/** Throws FileError for an invalid URL. */
export function checkAddress(url: string): void {
  if (!URL.canParse(url)) throw new FileError(url, "is not a valid address", { advice: "check its spelling" });
}

/**
 * Sends a GET request: to the hub with its token, and with the user and password of the URL. Redirects to another origin get
 * neither (Fetch standard, "HTTP-redirect fetch"). Rejects with TransientError if there is no response; a response may have
 * any status. Rejects with FileError if the URL, or a redirect, is invalid, or if a browser refuses the request.
 */
export async function request(url: string, options: HttpOptions, range?: RangeRequest): Promise<Response> {
  checkAddress(url);
  const headers = new Headers();
  if (range) headers.set("range", `bytes=${range.start}-${range.end === undefined ? "" : range.end - 1}`);
  // `Range` in a GET request needs no CORS preflight, but `If-Range` would. In browsers only the response shows a change.
  if (range?.ifRange !== undefined && sendsAnyHeader) headers.set("if-range", range.ifRange);
  const token = tokenFor(url);
  const { address, basic } = withoutUser(addressOf(url));
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  else if (basic !== undefined) headers.set("authorization", `Basic ${basic}`);
  const { fetch: fetcher = fetch, signal } = options;
  try {
    // A browser's own cache would return an older version, and store everything a second time.
    return await fetcher(address, { headers, cache: "no-store", ...(signal && { signal }) });
  } catch (cause) {
    signal?.throwIfAborted();
    const astray = astrayReason(cause);
    if (astray !== undefined) throw new FileError(url, astray, { cause });
    throw await noAnswer(url, address, cause, { fetch: fetcher, signal });
  }
}

/** The error if a server did not answer, or the browser hides its answer. */
async function noAnswer(url: string, address: string, cause: unknown, failed: FailedFetch): Promise<FileError> {
  const known = await explainFailedFetch(address, failed);
  failed.signal?.throwIfAborted();
  if (known?.isRefusal) return new FileError(url, known.problem, { code: "file/blocked", advice: known.advice, cause });
  const problem = known?.problem ?? `the server could not be reached${reasonOf(cause)}`;
  return new TransientError(url, problem, { cause, isUnreachable: true, advice: known?.advice });
}

/** A URL without its user and password, which `fetch` does not accept, and these in the form for HTTP (RFC 7617). */
function withoutUser(location: string): { readonly address: string; readonly basic?: string } {
  const url = new URL(location);
  if (url.username === "" && url.password === "") return { address: location };
  const pair = new TextEncoder().encode(`${decoded(url.username)}:${decoded(url.password)}`);
  const basic = btoa(String.fromCharCode(...pair));
  for (const secret of [url.password, decoded(url.password), basic]) registerSecret(secret);
  url.username = "";
  url.password = "";
  return { address: url.href, basic };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // A "%" that begins no escape is literal.
    return part;
  }
}

/** Why a redirect failed, which retrying does not fix. Node gives the reason in the cause of its error. */
function astrayReason(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error)) return undefined;
  if (/redirect count/i.test(cause.message)) return "the server redirects without an end";
  if (/scheme must be|Invalid URL|cross origin not allowed/i.test(cause.message))
    return "the server redirects to a URL that cannot be followed; check the URL";
  return undefined;
}

/** The reason of a failure. Node's fetch gives it in the cause of its error; browsers do not tell it. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error)) return "";
  // If a host name has several addresses, the error has a reason for each.
  const [first] = cause instanceof AggregateError ? (cause.errors as readonly unknown[]) : [cause];
  return first instanceof Error && first.message !== "" ? `: ${first.message}` : "";
}

/**
 * Parses the Content-Range of a response. `start` and `end` are 0 if it names no bytes. Throws FileError if it is missing.
 */
export function contentRange(response: Response, url: string): { start: number; end: number; size: number } {
  const header = response.headers.get("content-range");
  const match = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+)$/.exec(header ?? "");
  const [start, end, size] = [Number(match?.[1] ?? 0), Number(match?.[2] ?? -1) + 1, Number(match?.[3])];
  if (header === null)
    throw new FileError(
      url,
      "the response has no Content-Range header; a server of another origin must expose it by Access-Control-Expose-Headers",
    );
  if (!match || ![start, end, size].every(Number.isSafeInteger))
    throw new FileError(
      url,
      `the response's Content-Range is "${header.slice(0, 60)}", which is not a range of a file`,
    );
  return { start, end, size };
}

/** The bytes of a response as they arrive, decompressed. Throws TransientError if the connection breaks. */
export async function* chunksOf(
  response: Response,
  url: string,
  signal: AbortSignal | undefined,
  alive: (bytes: number) => void = () => undefined,
): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  try {
    for (;;) {
      const part = await reader?.read();
      if (!part || part.done) return;
      alive(part.value.length);
      signal?.throwIfAborted();
      yield part.value;
    }
  } catch (cause) {
    signal?.throwIfAborted();
    throw new TransientError(url, "the connection broke", { cause, advice: "try again" });
  } finally {
    reader?.releaseLock();
  }
}

/** Reads a whole response. Rejects with TooLargeError as soon as it has more than `maxBytes`, decompressed. */
export async function readAnswer(
  response: Response,
  url: string,
  maxBytes: number,
  signal: AbortSignal | undefined,
  alive?: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunksOf(response, url, signal, alive)) {
    size += chunk.length;
    if (size > maxBytes) throw new TooLargeError(url, `the response has more than ${maxBytes} bytes`, maxBytes);
    chunks.push(chunk);
  }
  return concatBytes(chunks);
}

/** Stops a response. No effect if it was read to its end. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}
