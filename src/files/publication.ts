import { MAX_BYTES, TooLargeError } from "../platform/limits.js";
import { publicUrl } from "../platform/secrets.js";
import { parseChecksum } from "./checksum.js";
import { statusError } from "./http-error.js";
import { hubChecksumUrl } from "./hub.js";
import { discard, readAnswer, request, type HttpOptions } from "./request.js";
import { withoutStall, withRetries, type Alive, type RunPatience } from "./retry.js";

/** What is said of a file's content by whoever publishes it; all of it is undefined where nothing is. */
export interface Claim {
  /** In lower-case hexadecimal. */
  readonly sha256?: string | undefined;
  readonly size?: number | undefined;
  /** The checksum file as it is; what is in it may be of another kind, and then only tells versions apart. */
  readonly text?: string | undefined;
  /** Who says so. */
  readonly source?: string | undefined;
}

/** A file on a server, and where or what its checksum is. */
export interface PublishedFile {
  /** Its address. */
  readonly url: string;
  /** Where its checksum stands: `sha256sum` output, bare hex, or a git LFS pointer. Hub `resolve/` URLs find theirs (`raw/`) alone. */
  readonly checksumUrl?: string | undefined;
  /** In lower-case hexadecimal, where it is known beforehand. */
  readonly sha256?: string | undefined;
}

/** Asks what the content of a file should be. Rejects with FileError. */
export async function askClaim(file: PublishedFile, patience: RunPatience, options: HttpOptions): Promise<Claim> {
  if (file.sha256 !== undefined) return { sha256: file.sha256 };
  const url = file.checksumUrl ?? hubChecksumUrl(file.url);
  if (url === undefined) return {};
  const text = await withRetries(url, patience, options.signal, () =>
    withoutStall(url, patience, options, async (inTime, alive) => {
      const response = await request(url, inTime);
      try {
        if (response.ok) return await readShortText(response, url, inTime.signal, alive);
        // Only an address that we made up may be wrong.
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

/** The name of the file that an address ends in. */
function nameIn(url: string): string {
  const name = new URL(url).pathname.split("/").at(-1)!;
  try {
    return decodeURIComponent(name);
  } catch {
    // A "%" that begins no escape is allowed in addresses, and stands for itself.
    return name;
  }
}

/** Undefined for a text that is too long for a checksum. */
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
