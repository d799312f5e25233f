import { checkSize } from "../platform/limits.js";
import { statusError } from "./http-error.js";
import { PATIENCE } from "./patience.js";
import { discard, readAnswer, request, type HttpOptions } from "./request.js";
import { withoutStall } from "./retry.js";

/**
 * Fetches a small file as a whole, such as a config. A server that stands still is given up, and so is an answer of more
 * than `maxBytes`, which are counted as it is unpacked. Rejects with FileError.
 */
export async function fetchBytes(
  url: string,
  maxBytes: number,
  options: HttpOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  return withoutStall(url, { ...PATIENCE, ...options.patience }, options, async (inTime, alive) => {
    const response = await request(url, inTime);
    try {
      if (!response.ok) throw statusError(url, response);
      checkSize(url, announcedLength(response) ?? 0, maxBytes);
      return await readAnswer(response, url, maxBytes, inTime.signal, alive);
    } finally {
      await discard(response);
    }
  });
}

/** The file's length as an answer with all of it announces it; undefined where it does not say. */
export function announcedLength({ headers }: Response): number | undefined {
  const length = headers.get("content-length");
  // The length of what was compressed for the way says nothing of the file's.
  return length === null || headers.has("content-encoding") ? undefined : Number(length);
}
