import { FileError } from "./errors.js";

/** The text that a file holds, without a byte order mark. Throws FileError where it is not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FileError(name, "is not UTF-8 text", { cause });
  }
}
