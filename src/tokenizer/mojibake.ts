/**
 * Repair of text whose UTF-8 was read as Latin-1 or Windows-1252 (`schÃ¶n` for `schön`): the rules of ftfy 6 ("fixes text
 * for you", R. Speer) as far as they concern those two encodings. Other encodings, and bytes that were lost on the way
 * (a no-break space turned into a space), are left as they are.
 */
import { WINDOWS_1252_C1 } from "./windows-1252.js";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// Characters that UTF-8's bytes become in Windows-1252, by how likely each stands for itself (ftfy's categories).
const C1 = "\\x80-\\x9f";
const COMMON = "\\xa0\\xad·´–—…’";
const BAD = "¦¤¨¬¯¸ƒˆ˜†‡‰\\ufffdªº";
const LAW = "¶§";
const CURRENCY = "¢£¥€";
const OPENING = "¡«¿©‘‚“„•‹";
const CLOSING = "®»”›™";
const NUMERIC = "²³¹±¼½¾×µ÷";
const UPPER = "À-ÑØÜÝŒŠŸŽ";
const LOWER = "ßà-ñœšüž";

/** Neighbours that hardly occur in text as it was written. */
const GARBLED = new RegExp(
  [
    `[${C1}]`,
    `[${BAD}${LOWER}${UPPER}${OPENING}${CLOSING}${CURRENCY}${NUMERIC}${LAW}][${BAD}]`,
    `[${BAD}][${LOWER}${UPPER}${OPENING}${CLOSING}${CURRENCY}${NUMERIC}${LAW}]`,
    `[a-zA-Z]Þ[${BAD}]`,
    `[${LOWER}${CLOSING}${CURRENCY}${NUMERIC}][${UPPER}]`,
    `[${CLOSING}${CURRENCY}${NUMERIC}][${LOWER}]`,
    `[${LOWER}${CLOSING}][${CURRENCY}]`,
    `\\s[${UPPER}][${CURRENCY}]`,
    `[${UPPER}][${NUMERIC}${LAW}]`,
    `[${LOWER}${UPPER}${CURRENCY}${CLOSING}][${OPENING}][${NUMERIC}]`,
    `[${LOWER}${UPPER}${CURRENCY}${NUMERIC}${LAW}][${CLOSING}][${OPENING}]`,
    `[${CURRENCY}${NUMERIC}][${OPENING}]`,
    `[a-z][${UPPER}][${OPENING}${CURRENCY}]`,
    `[${LOWER}${UPPER}][${OPENING}${CLOSING}][\\p{L}\\p{N}_]`,
    `[Œœ][^A-Za-z]`,
    `[${UPPER}]°`,
    `[ÂÃÎÐ][€œŠš¢£Ÿž\\xa0\\xad®©°·»${OPENING}${CLOSING}–—´]`,
    `×[²³]`,
    `([ØÙ][${COMMON}${CURRENCY}${BAD}${NUMERIC}${OPENING}ŸŠ®°µ»]){2}`,
    `à[²µ¹¼½¾]`,
  ].join("|"),
  "u",
);

const CONTINUATION = `${C1}\\xa0-\\xbf${WINDOWS_1252_C1}`;
// Punctuation that may well stand for itself beside a garbled run.
const CONTINUATION_ALONE = CONTINUATION.replaceAll(/[–—‘’‚“”„•…]/g, "");
/** One or more characters of UTF-8 within text that is not garbled throughout. */
const UTF8_RUN = new RegExp(
  `(?<![${CONTINUATION_ALONE}])([\\xc2-\\xdf][${CONTINUATION}]|[\\xe0-\\xef][${CONTINUATION}]{2}|[ðó][${CONTINUATION}]{3})+`,
  "gu",
);

/** Undoes the wrong reading, as often as it happened; text that does not look garbled comes back as it is. */
export function repairEncoding(text: string): string {
  let repaired = text;
  for (let before = ""; before !== repaired;) {
    before = repaired;
    repaired = repairOnce(before);
  }
  return repaired;
}

function repairOnce(text: string): string {
  if (!GARBLED.test(text)) return text;
  const whole = decodeUtf8(latin1Bytes(text)) ?? decodeUtf8(windows1252Bytes(text));
  if (whole !== null) return whole;
  const inParts = text.replace(UTF8_RUN, (run) => (run.length < text.length ? repairEncoding(run) : run));
  return inParts === text ? fixC1Controls(text) : inParts;
}

/** Control characters U+0080 to U+009F were meant as the characters that Windows-1252 has there. */
export function fixC1Controls(text: string): string {
  return text.replace(/[\x80-\x9f]/g, (character) => WINDOWS_1252_C1[character.charCodeAt(0) - 0x80]!);
}

function latin1Bytes(text: string): Uint8Array | null {
  return bytesOf(text, (code) => (code < 0x100 ? code : null));
}

function windows1252Bytes(text: string): Uint8Array | null {
  return bytesOf(text, (code, character) => {
    const c1 = WINDOWS_1252_C1.indexOf(character);
    if (c1 >= 0) return 0x80 + c1;
    return code < 0x80 || (code >= 0xa0 && code < 0x100) ? code : null;
  });
}

/** Null where one of the characters has no byte. */
function bytesOf(text: string, toByte: (code: number, character: string) => number | null): Uint8Array | null {
  const bytes = Array.from(text, (character) => toByte(character.codePointAt(0)!, character));
  return bytes.every((byte) => byte !== null) ? Uint8Array.from(bytes) : null;
}

function decodeUtf8(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null;
  try {
    return UTF8.decode(bytes);
  } catch {
    return null;
  }
}
