import { sendsAnyHeader } from "#platform";
import { concatBytes } from "../platform/bytes.js";
import { FileError } from "../platform/errors.js";
import { TooLargeError } from "../platform/limits.js";
import { keepSecret } from "../platform/secrets.js";
import { TransientError } from "./http-error.js";
import { addressOf, tokenFor } from "./hub.js";
import type { Patience } from "./patience.js";

/** How to fetch; `fetch` is replaceable for tests, proxies and authentication. */
export interface HttpOptions {
  /** Default: the platform's own. */
  readonly fetch?: typeof fetch | undefined;
  /** Ends the transfer; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** How often and how long servers are tried. */
  readonly patience?: Partial<Patience> | undefined;
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
  if (!URL.canParse(url)) throw new FileError(url, "is not a valid address", { advice: "check how it is written" });
}

/**
 * Sends a GET, with the hub's token to the hub, and with the user and password that an address holds. Neither goes to the
 * server of another origin that the answer may lead to (Fetch standard, "HTTP-redirect fetch"). Rejects with
 * TransientError where no answer comes; any status is one. Rejects with FileError where the URL is none, or leads nowhere.
 */
export async function request(url: string, options: HttpOptions, range?: RangeRequest): Promise<Response> {
  checkAddress(url);
  const headers = new Headers();
  if (range) headers.set("range", `bytes=${range.start}-${range.end === undefined ? "" : range.end - 1}`);
  // A plain `Range` on GET needs no CORS preflight; `If-Range` would, so there a change is noticed by the answer alone.
  if (range?.ifRange !== undefined && sendsAnyHeader) headers.set("if-range", range.ifRange);
  const token = tokenFor(url);
  const { address, basic } = withoutUser(addressOf(url));
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  else if (basic !== undefined) headers.set("authorization", `Basic ${basic}`);
  const { fetch: fetcher = fetch, signal } = options;
  try {
    // A browser's own cache would answer with an older version, and keep everything a second time.
    return await fetcher(address, { headers, cache: "no-store", ...(signal && { signal }) });
  } catch (cause) {
    signal?.throwIfAborted();
    const astray = astrayReason(cause);
    if (astray !== undefined) throw new FileError(url, astray, { cause });
    // Only pages in browsers need the server's leave, and are not told which of the two it was.
    const refused = sendsAnyHeader ? "" : ", or does not allow this page to read from it (CORS)";
    const problem = `the server could not be reached${refused}${reasonOf(cause)}`;
    throw new TransientError(url, problem, { cause, isUnreachable: true });
  }
}

/** An address without its user and password, which `fetch` does not take, and these as HTTP sends them (RFC 7617). */
function withoutUser(location: string): { readonly address: string; readonly basic?: string } {
  const url = new URL(location);
  if (url.username === "" && url.password === "") return { address: location };
  const pair = new TextEncoder().encode(`${decoded(url.username)}:${decoded(url.password)}`);
  const basic = btoa(String.fromCharCode(...pair));
  for (const secret of [url.password, decoded(url.password), basic]) keepSecret(secret);
  url.username = "";
  url.password = "";
  return { address: url.href, basic };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // A "%" that begins no escape stands for itself.
    return part;
  }
}

/** Why an answer led nowhere, which trying again does not mend: Node says it in the cause of its error. */
function astrayReason(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error)) return undefined;
  if (/redirect count/i.test(cause.message)) return "the server sends from one address to the next without an end";
  if (/scheme must be|Invalid URL|cross origin not allowed/i.test(cause.message))
    return "the server leads to an address that cannot be followed; check the address";
  return undefined;
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
  const [start, end, size] = [Number(match?.[1] ?? 0), Number(match?.[2] ?? -1) + 1, Number(match?.[3])];
  if (header === null)
    throw new FileError(
      url,
      "the answer's Content-Range is missing; a server of another origin must expose it by Access-Control-Expose-Headers",
    );
  if (!match || ![start, end, size].every(Number.isSafeInteger))
    throw new FileError(url, `the answer's Content-Range is "${header.slice(0, 60)}", which names no part of a file`);
  return { start, end, size };
}

/** The bytes of an answer as they come, unpacked. Throws TransientError where the connection breaks off. */
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
    throw new TransientError(url, "the connection broke off", { cause, advice: "try again" });
  } finally {
    reader?.releaseLock();
  }
}

/** The whole of an answer, which is given up as soon as it has more than `maxBytes`, unpacked. Rejects with TooLargeError. */
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
    if (size > maxBytes) throw new TooLargeError(url, `the answer goes on after ${maxBytes} bytes`, maxBytes);
    chunks.push(chunk);
  }
  return concatBytes(chunks);
}

/** Stops an answer; of no effect where it was read to its end. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}
