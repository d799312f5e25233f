/** UTF-8 in strings of bytes (a character U+0000 to U+00FF each), read as ftfy 6 reads it where it was damaged a little. */

/** Text that was read, or the index of a byte that is no UTF-8, the last one, among the bytes given. */
export type Reading = { readonly text: string } | { readonly failedAt: number };

export interface Leniency {
  /** Take a space for the no-break space (byte A0) that it may have been. */
  readonly spaces: boolean;
  /** Take byte 1A, and `?` once a character, for bytes that were lost: the character becomes U+FFFD. */
  readonly losses: boolean;
}

// "à" as a word of its own lost one of its two spaces, but not in the Portuguese "às", "àquele" and the like.
const A_GRAVE_WORD = /\xc3 (?! |quele|quela|quilo|s )/g;
const SPACE_WITHIN = new RegExp(
  [
    "[\\xc2\\xc3\\xc5\\xce\\xd0\\xd9] ",
    "[\\xe2\\xe3] [\\x80-\\x84\\x86-\\x9f\\xa1-\\xbf]",
    "[\\xe0-\\xe3][\\x80-\\x84\\x86-\\x9f\\xa1-\\xbf] ",
    "\\xf0 [\\x80-\\xbf]{2}",
    "\\xf0[\\x80-\\xbf] [\\x80-\\xbf]",
    "\\xf0[\\x80-\\xbf]{2} ",
  ].join("|"),
  "g",
);
const WITH_LOSSES = new RegExp(
  [
    "[\\xc2-\\xdf]\\x1a",
    "[\\xc2\\xc3]\\?",
    "\\xed[\\xa0-\\xaf][\\x1a?]\\xed[\\xb0-\\xbf][\\x1a?\\x80-\\xbf]",
    "\\xed[\\xa0-\\xaf][\\x1a?\\x80-\\xbf]\\xed[\\xb0-\\xbf][\\x1a?]",
    "[\\xe0-\\xef][\\x1a?][\\x1a\\x80-\\xbf]",
    "[\\xe0-\\xef][\\x1a\\x80-\\xbf][\\x1a?]",
    "[\\xf0-\\xf4][\\x1a?][\\x1a\\x80-\\xbf]{2}",
    "[\\xf0-\\xf4][\\x1a\\x80-\\xbf][\\x1a?][\\x1a\\x80-\\xbf]",
    "[\\xf0-\\xf4][\\x1a\\x80-\\xbf]{2}[\\x1a?]",
    "\\x1a",
  ].join("|"),
  "g",
);
const LOST = "\xef\xbf\xbd"; // U+FFFD
// A character, also as a pair of surrogates (CESU-8) and U+0000 in two bytes (Java); else a byte that is out of place.
const CHARACTER = new RegExp(
  [
    "(?:[\\xc2-\\xdf][\\x80-\\xbf]",
    "\\xe0[\\xa0-\\xbf][\\x80-\\xbf]",
    "[\\xe1-\\xec\\xee\\xef][\\x80-\\xbf]{2}",
    "\\xed[\\x80-\\x9f][\\x80-\\xbf]",
    "\\xed[\\xa0-\\xaf][\\x80-\\xbf]\\xed[\\xb0-\\xbf][\\x80-\\xbf]",
    "\\xf0[\\x90-\\xbf][\\x80-\\xbf]{2}",
    "[\\xf1-\\xf3][\\x80-\\xbf]{3}",
    "\\xf4[\\x80-\\x8f][\\x80-\\xbf]{2}",
    "\\xc0\\x80)",
    "([\\x80-\\xff])",
  ].join("|"),
  "g",
);

/** How far from a byte the bytes reach that decide how it is read. */
export const READING_REACH = 32;

/**
 * Failures count only where `counts` holds for the index.
 * @see https://github.com/rspeer/python-ftfy/blob/5340af6746ff655a9cd7cb2b50c2fd0b35bb91d3/ftfy/fixes.py#L419-L439
 * @see https://github.com/rspeer/python-ftfy/blob/5340af6746ff655a9cd7cb2b50c2fd0b35bb91d3/ftfy/fixes.py#L442-L478
 */
export function readUtf8(bytes: string, leniency: Leniency, counts: (index: number) => boolean = () => true): Reading {
  const moves: Moves[] = [];
  let repaired = bytes;
  if (leniency.spaces) {
    repaired = replace(repaired, A_GRAVE_WORD, () => "\xc3\xa0 ", moves);
    repaired = replace(repaired, SPACE_WITHIN, (match) => match.replaceAll(" ", "\xa0"), moves);
  }
  if (leniency.losses) repaired = replace(repaired, WITH_LOSSES, () => LOST, moves);
  const strays: number[] = [];
  const text = repaired.replace(CHARACTER, (match: string, stray: string | undefined, at: number) => {
    if (stray === undefined) return characterOf(match);
    strays.push(at);
    return match;
  });
  for (const stray of strays.reverse()) {
    const failedAt = moves.reduceRight(indexBefore, stray);
    if (counts(failedAt)) return { failedAt };
  }
  return { text };
}

function characterOf(bytes: string): string {
  const bits = (index: number, mask: number) => bytes.charCodeAt(index) & mask;
  const tail = (index: number) => bits(index, 0x3f);
  switch (bytes.length) {
    case 2:
      return String.fromCharCode((bits(0, 0x1f) << 6) | tail(1));
    case 3:
      return String.fromCharCode((bits(0, 0x0f) << 12) | (tail(1) << 6) | tail(2));
    case 4:
      return String.fromCodePoint((bits(0, 0x07) << 18) | (tail(1) << 12) | (tail(2) << 6) | tail(3));
    default:
      return characterOf(bytes.slice(0, 3)) + characterOf(bytes.slice(3));
  }
}

/** Replacements of one kind: where each ends in the result, and by how much all so far made the text longer. */
type Moves = { readonly end: number; readonly growth: number }[];

function replace(bytes: string, pattern: RegExp, replacement: (match: string) => string, all: Moves[]): string {
  const moves: Moves = [];
  let growth = 0;
  const result = bytes.replace(pattern, (match, at: number) => {
    const by = replacement(match);
    growth += by.length - match.length;
    moves.push({ end: at + match.length + growth, growth });
    return by;
  });
  all.push(moves);
  return result;
}

/** The index before replacements, roughly where it is within one. */
function indexBefore(index: number, moves: Moves): number {
  const last = moves.findLast(({ end }) => end <= index);
  return last === undefined ? index : index - last.growth;
}
