/** Converts characters to bytes of the encodings in code-pages.ts. */
import type { CodePage } from "./code-pages.js";

const LOST_BYTE = 0x1a; // the byte of a lost character (U+FFFD) in a sloppy encoding
const tables = new Map<CodePage, ReadonlyMap<number, number>>();

/** Returns the bytes of a text, one character for each; or the index of the last character that this encoding lacks. */
export function bytesIn(page: CodePage, text: string): string | number {
  const byteOf = tableOf(page);
  const bytes = new Uint8Array(text.length);
  // Starts at the end, because repairs go from start to end: a failure at the end is found again quickly.
  for (let at = text.length - 1; at >= 0; at--) {
    const code = text.charCodeAt(at);
    const byte = code < 0x80 && !(page.sloppy && code === LOST_BYTE) ? code : byteOf.get(code);
    if (byte === undefined) return at;
    bytes[at] = byte;
  }
  return binaryString(bytes);
}

function tableOf(page: CodePage): ReadonlyMap<number, number> {
  let table = tables.get(page);
  if (table === undefined) {
    table = new Map(Array.from(page.upper, (character, index) => [character.charCodeAt(0), 0x80 + index]));
    tables.set(page, page.sloppy ? new Map([...table, [0xfffd, LOST_BYTE]]) : table);
  }
  return tables.get(page)!;
}

function binaryString(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += 8192) pieces.push(String.fromCharCode(...bytes.subarray(at, at + 8192)));
  return pieces.join("");
}
