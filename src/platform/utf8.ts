import { FileError } from "./errors.js";

/** Decodes UTF-8 text, without a byte order mark. Throws FileError if the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, name: string): string {
  const other = otherEncoding(bytes);
  if (other !== undefined) throw new FileError(name, `is ${other} text, not UTF-8`, { advice: "save it as UTF-8" });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FileError(name, "is not UTF-8 text", { cause, advice: "save it as UTF-8" });
  }
}

/** How many bytes are searched for zeros, which UTF-8 text does not have. */
const LOOKED_AT = 64;

/** The encoding if the first bytes show that it is not UTF-8: by a byte order mark, or by zeros between letters. */
function otherEncoding(bytes: Uint8Array): string | undefined {
  const [first, second, third, fourth] = bytes;
  if (first === 0xff && second === 0xfe) return third === 0 && fourth === 0 ? "UTF-32" : "UTF-16";
  if (first === 0xfe && second === 0xff) return "UTF-16";
  if (first === 0 && second === 0 && third === 0xfe && fourth === 0xff) return "UTF-32";
  const start = bytes.subarray(0, LOOKED_AT);
  const isZero = (parity: number) => start.length > 1 && start.every((byte, i) => i % 2 !== parity || byte === 0);
  return isZero(0) || isZero(1) ? "UTF-16" : undefined;
}
