import type { ByteSource } from "../platform/source.js";

/** How many bytes are examined. The mark of a tar file is at byte 257. */
export const HEAD_BYTES = 1024;

/** The beginning of a file, enough to identify its format. */
export function readHead(source: ByteSource, signal?: AbortSignal): Promise<Uint8Array> {
  return source.read(0, Math.min(HEAD_BYTES, source.size), signal);
}

/** True if a file begins as a JSON object does. */
export function looksLikeJson(head: Uint8Array): boolean {
  return /^(?:\xef\xbb\xbf)?\s*\{/.test(new TextDecoder("latin1").decode(head));
}
