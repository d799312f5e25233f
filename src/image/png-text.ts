/** Texts in PNG files, by keyword: "Description", "Software", or one of a program. */
import { ArgumentError } from "../platform/arguments.js";
import { concatBytes } from "../platform/bytes.js";
import { ImageDecodeError } from "../platform/image-types.js";
import { readChunks, type PngChunk } from "./png-chunks.js";

/** Texts of an image file by keyword. A keyword has 1 to 79 printable Latin-1 characters. */
export type ImageText = Readonly<Record<string, string>>;

/** Limit of inflated text in one file, in bytes: a few kilobytes can inflate to gigabytes. */
const MAX_INFLATED = 2 ** 22;

/** Creates an iTXt chunk for each text. Throws ArgumentError for a keyword that PNG does not allow. */
export function textChunks(text: ImageText): PngChunk[] {
  return Object.entries(text).map(([keyword, value]) => ({ type: "iTXt", data: internationalText(keyword, value) }));
}

/** Contents: keyword, zero, not compressed (two zeros), no language, no translated keyword, UTF-8. */
function internationalText(keyword: string, value: string): Uint8Array<ArrayBuffer> {
  if (!/^[\x20-\x7e\xa1-\xff]{1,79}$/.test(keyword)) {
    throw new ArgumentError(
      "text",
      `"${keyword}" is not a PNG keyword: it must have 1 to 79 printable Latin-1 characters.`,
    );
  }
  const latin1 = Uint8Array.from(keyword, (character) => character.charCodeAt(0));
  return concatBytes([latin1, new Uint8Array(5), new TextEncoder().encode(value)]);
}

/**
 * Reads the texts of a PNG file (chunks tEXt, zTXt and iTXt) by keyword, in the order of the file. If texts have the
 * same keyword, the first counts. Rejects with ImageDecodeError if the file is not a PNG, is truncated or has a damaged
 * text chunk, or if its compressed texts inflate to more than 4 MiB.
 */
export async function readPngText(bytes: Uint8Array): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  const inflater = new Inflater();
  for (const { type, data } of readChunks(bytes, new Set(["tEXt", "zTXt", "iTXt"]))) {
    const [keyword, rest] = splitAtZero(data, type);
    const read = type === "tEXt" ? latin1(rest) : await (type === "zTXt" ? zText(rest) : iText(rest));
    if (!texts.has(latin1(keyword))) texts.set(latin1(keyword), read);
  }
  return texts;

  /** Contents: compression method, compressed Latin-1. */
  async function zText(data: Uint8Array<ArrayBuffer>): Promise<string> {
    return latin1(await inflater.inflate(data.subarray(1), data[0]));
  }

  /** Contents: compression flag and method, language, translated keyword, UTF-8. */
  async function iText(data: Uint8Array<ArrayBuffer>): Promise<string> {
    const [, translated] = splitAtZero(data.subarray(2), "iTXt");
    const [, text] = splitAtZero(translated, "iTXt");
    return utf8(data[0] === 1 ? await inflater.inflate(text, data[1]) : text);
  }
}

/** Splits data at the first zero. */
function splitAtZero<Bytes extends Uint8Array>(data: Bytes, type: string): [Bytes, Bytes] {
  const zero = data.indexOf(0);
  if (zero < 0) throw new ImageDecodeError(`this PNG file is damaged: a ${type} chunk lacks the zero after a text`);
  return [data.subarray(0, zero) as Bytes, data.subarray(zero + 1) as Bytes];
}

// The "latin1" of TextDecoder is Windows-1252, which differs from 0x80 to 0x9f.
function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new ImageDecodeError("this PNG file is damaged: an iTXt chunk is not UTF-8", { cause });
  }
}

/** Inflates the texts of one file, up to a limit for all of them together. */
class Inflater {
  #left = MAX_INFLATED;

  async inflate(data: Uint8Array<ArrayBuffer>, method: number | undefined): Promise<Uint8Array> {
    if (method === undefined) throw new ImageDecodeError("this PNG file is damaged: a compressed text is truncated");
    if (method !== 0) throw new ImageDecodeError(`this PNG file has a text with unknown compression method ${method}`);
    const parts: Uint8Array[] = [];
    const reader = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return concatBytes(parts);
        this.#left -= value.length;
        if (this.#left < 0) throw new RangeError(`it inflates to more than ${MAX_INFLATED} bytes`);
        parts.push(value);
      }
    } catch (cause) {
      // The first failure is the one to report.
      await reader.cancel().catch(() => undefined);
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ImageDecodeError(`this PNG file has a compressed text that cannot be read: ${reason}`, { cause });
    }
  }
}
