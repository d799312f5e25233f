import { checkSize } from "../platform/limits.js";
import { statusError } from "./http-error.js";
import { PATIENCE } from "./patience.js";
import { discard, readAnswer, request, type HttpOptions } from "./request.js";
import { withoutStall } from "./retry.js";

/**
 * Fetches a small file, such as a config, into memory. Gives up if the server stalls or sends more than `maxBytes`, counted
 * after decompression. Rejects with FileError.
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

/** The file's length by the headers of a full response; undefined if they do not say. */
export function announcedLength({ headers }: Response): number | undefined {
  const length = headers.get("content-length");
  // The length of compressed data is not that of the file.
  return length === null || headers.has("content-encoding") ? undefined : Number(length);
}
