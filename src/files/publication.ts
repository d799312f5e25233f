import { parseChecksum } from "./checksum.js";
import { statusError } from "./http-error.js";
import { hubChecksumUrl } from "./hub.js";
import { request, type HttpOptions } from "./request.js";
import { withoutStall, withRetries, type Patience } from "./retry.js";

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
  readonly url: string;
  /** Where its checksum stands: `sha256sum` output, bare hex, or a git LFS pointer. Hub `resolve/` URLs find theirs (`raw/`) alone. */
  readonly checksumUrl?: string | undefined;
  /** In lower-case hexadecimal, where it is known beforehand. */
  readonly sha256?: string | undefined;
}

// Checksum files are short; a small file that stands for its own checksum, as in LAION's configs, is not much longer.
const LONGEST_CHECKSUM = 2 ** 20;

/** Asks what the content of a file should be. Rejects with FileError. */
export async function askClaim(file: PublishedFile, patience: Patience, options: HttpOptions): Promise<Claim> {
  if (file.sha256 !== undefined) return { sha256: file.sha256 };
  const url = file.checksumUrl ?? hubChecksumUrl(file.url);
  if (url === undefined) return {};
  const text = await withRetries(patience, options.signal, () =>
    withoutStall(url, patience, options, async (inTime, alive) => {
      const response = await request(url, inTime);
      if (response.ok) return readShortText(response, alive);
      await response.body?.cancel();
      // Only an address that we made up may be wrong.
      if (response.status === 404 && file.checksumUrl === undefined) return undefined;
      throw statusError(url, response);
    }),
  );
  if (text === undefined) return {};
  return { text, source: url, ...parseChecksum(text, nameIn(file.url), url) };
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
async function readShortText(response: Response, alive: () => void): Promise<string | undefined> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const part = await reader?.read();
    if (!part || part.done) return text + decoder.decode();
    alive();
    text += decoder.decode(part.value, { stream: true });
    if (text.length > LONGEST_CHECKSUM) {
      await reader?.cancel();
      return undefined;
    }
  }
}
