// Decodes text in pickles, as Python 3.12 writes it (Lib/pickle.py).

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Most characters for one call of String.fromCharCode. */
const CHUNK = 8192;

/**
 * Decodes UTF-8 as Python pickles it: with halves of surrogate pairs, which come from file names that are not UTF-8
 * ("surrogatepass"). Undefined for any other invalid UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return decodeWithSurrogates(bytes);
  }
}

/** Bytes as the characters with the same numbers. */
export function decodeLatin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return text;
}

/** The reverse. Undefined if a character is not in Latin-1. */
export function encodeLatin1(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0xff) return undefined;
    bytes[at] = code;
  }
  return bytes;
}

/** A Python 2 string, or bytes: decoded as UTF-8 if it is valid, else each byte as a character. */
export function decodeByteString(bytes: Uint8Array): string {
  return decodeUtf8(bytes) ?? decodeLatin1(bytes);
}

/**
 * The bytes of a Python 2 byte string with a known `length`, from the result of `decodeByteString`. Undefined if the text
 * cannot have had that length.
 */
export function byteStringBytes(text: string, length: number): Uint8Array<ArrayBuffer> | undefined {
  const asUtf8 = new TextEncoder().encode(text);
  if (asUtf8.length === length) return asUtf8;
  return text.length === length ? encodeLatin1(text) : undefined;
}

/** Decodes text of protocol 0: Latin-1 with \uXXXX and \UXXXXXXXX. Any other backslash is literal. */
export function decodeRawUnicodeEscape(bytes: Uint8Array): string {
  return decodeLatin1(bytes).replace(
    /\\(?:u([\da-fA-F]{4})|U([\da-fA-F]{8})|[^uU])/g,
    (match, short: string | undefined, long: string | undefined) => {
      const code = parseInt(short ?? long ?? "", 16);
      return Number.isNaN(code) || code > 0x10ffff ? match : String.fromCodePoint(code);
    },
  );
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\n": "",
};

/** The bytes of a Python 2 literal with quotes and escapes, as characters. Undefined if the quotes do not match. */
export function decodeQuoted(literal: string): string | undefined {
  const text = literal.trim();
  const quote = text[0];
  if (text.length < 2 || (quote !== "'" && quote !== '"') || !text.endsWith(quote)) return undefined;
  return text.slice(1, -1).replace(/\\(?:x([\da-f]{2})|([0-7]{1,3})|([\s\S]))/gi, unescape);
}

function unescape(match: string, hex?: string, octal?: string, letter = ""): string {
  if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16));
  if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8) & 0xff);
  return letter === "\\" || letter === "'" || letter === '"' ? letter : (ESCAPES[letter] ?? match);
}

/** A surrogate half has three bytes in UTF-8's pattern; the text between them is plain UTF-8. */
function decodeWithSurrogates(bytes: Uint8Array): string | undefined {
  let text = "";
  let start = 0;
  try {
    for (let at = 0; at + 2 < bytes.length; at++) {
      if (!isSurrogate(bytes, at)) continue;
      text += utf8.decode(bytes.subarray(start, at));
      text += String.fromCharCode(0xd000 | ((bytes[at + 1]! & 0x3f) << 6) | (bytes[at + 2]! & 0x3f));
      start = at + 3;
      at += 2;
    }
    return text + utf8.decode(bytes.subarray(start));
  } catch {
    return undefined;
  }
}

function isSurrogate(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xed && (bytes[at + 1]! & 0xe0) === 0xa0 && (bytes[at + 2]! & 0xc0) === 0x80;
}
