import { MAX_BYTES, TooLargeError } from "../platform/limits.js";
import { publicUrl } from "../platform/secrets.js";
import { parseChecksum } from "./checksum.js";
import { statusError } from "./http-error.js";
import { hubChecksumUrl } from "./hub.js";
import { discard, readAnswer, request, type HttpOptions } from "./request.js";
import { withoutStall, withRetries, type Alive, type RunPatience } from "./retry.js";

/** What the publisher of a file says about its content. All fields are undefined if nothing is published. */
export interface Claim {
  /** In lower-case hexadecimal. */
  readonly sha256?: string | undefined;
  readonly size?: number | undefined;
  /** The whole checksum file. If its format is unknown, it only tells versions apart. */
  readonly text?: string | undefined;
  /** The URL of the checksum file. */
  readonly source?: string | undefined;
}

/** A file on a server, and its checksum or the URL of that. */
export interface PublishedFile {
  /** Its address. */
  readonly url: string;
  /**
   * URL of the checksum: `sha256sum` output, bare hexadecimal, or a git LFS pointer. Not needed for `resolve/` URLs of the
   * hub.
   */
  readonly checksumUrl?: string | undefined;
  /** In lower-case hexadecimal, if known beforehand. */
  readonly sha256?: string | undefined;
}

/** Asks the publisher what the content of a file should be. Rejects with FileError. */
export async function askClaim(file: PublishedFile, patience: RunPatience, options: HttpOptions): Promise<Claim> {
  if (file.sha256 !== undefined) return { sha256: file.sha256 };
  const url = file.checksumUrl ?? hubChecksumUrl(file.url);
  if (url === undefined) return {};
  const text = await withRetries(url, patience, options.signal, () =>
    withoutStall(url, patience, options, async (inTime, alive) => {
      const response = await request(url, inTime);
      try {
        if (response.ok) return await readShortText(response, url, inTime.signal, alive);
        // Only a URL that we derived ourselves may be wrong.
        if (response.status === 404 && file.checksumUrl === undefined) return undefined;
        throw statusError(url, response);
      } finally {
        await discard(response);
      }
    }),
  );
  if (text === undefined) return {};
  return { text, source: publicUrl(url), ...parseChecksum(text, nameIn(file.url), url) };
}

/** The file name at the end of a URL. */
function nameIn(url: string): string {
  const name = new URL(url).pathname.split("/").at(-1)!;
  try {
    return decodeURIComponent(name);
  } catch {
    // URLs may contain a "%" that begins no escape.
    return name;
  }
}

/** Undefined if the text is too long for a checksum. */
async function readShortText(
  response: Response,
  url: string,
  signal: AbortSignal | undefined,
  alive: Alive,
): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await readAnswer(response, url, MAX_BYTES.checksum, signal, alive));
  } catch (error) {
    if (error instanceof TooLargeError) return undefined;
    throw error;
  }
}
