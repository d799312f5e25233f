import { hideKnown } from "../../platform/secrets.js";

/** File systems allow 255 bytes. Numbers, the extension and the suffix of temporary files are added to this length. */
const NAME_BYTES = 100;

/**
 * Turns any text into a part of a file name: its letters and digits, with dashes between words. The tokens in environment
 * variables are removed. Once a number follows, the name is safe on every file system: it has no separators and no leading dot
 * or dash, is not a device name, and is short enough in any alphabet.
 */
export function fileNameOf(text: string): string {
  const lower = hideKnown(text).normalize("NFC").toLowerCase();
  const words = lower.replace(/[^\p{L}\p{M}\p{N}]+/gu, "-").replace(/^-/, "");
  const { read } = new TextEncoder().encodeInto(words, new Uint8Array(NAME_BYTES));
  const name = words.slice(0, read).replace(/-$/, "");
  return name === "" ? "image" : name;
}
