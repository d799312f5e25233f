import { hideKnown } from "../../platform/secrets.js";

/** File systems allow 255 bytes; numbers, the extension and the mark of a file that is being written come on top. */
const NAME_BYTES = 100;

/**
 * A part of a file's name made of any text: its letters and digits, with dashes between words. Safe on every file system
 * once a number follows, and without the tokens of the environment: no separators, no leading dot or dash, never a device's name, short enough in any alphabet.
 */
export function fileNameOf(text: string): string {
  const lower = hideKnown(text).normalize("NFC").toLowerCase();
  const words = lower.replace(/[^\p{L}\p{M}\p{N}]+/gu, "-").replace(/^-/, "");
  const { read } = new TextEncoder().encodeInto(words, new Uint8Array(NAME_BYTES));
  const name = words.slice(0, read).replace(/-$/, "");
  return name === "" ? "image" : name;
}
