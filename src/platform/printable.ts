import { hideSecrets } from "./secrets.js";

/**
 * Characters that control a terminal: control characters except tab and line break, and those that change the direction of
 * text (Unicode Standard Annex 9). Also halves of surrogate pairs, which are no characters.
 */
const STEERING = /(?![\t\n]|\r\n)\p{Cc}|[\u202a-\u202e\u2066-\u2069]|\p{Cs}/gu;

/** Makes text of unknown origin safe for a terminal or a log: replaces each control character by U+FFFD. */
export function printable(text: string): string {
  return text.replace(STEERING, "\uFFFD");
}

/** The beginning of a text, with "…" if it is cut. */
export function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

/** Longest part of a name or text from a file that a message quotes. */
const MAX_EXCERPT = 120;
/** How far behind it to look for secrets: one that is cut in the middle would not be recognised. */
const LOOKED_BEYOND = 4096;

// All control characters, since an excerpt is one line; characters that change the direction of text; halves of surrogate
// pairs.
const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Cs}/gu;

/** Quotes a text of unknown origin in a message: of limited length, on one line, without control characters and secrets. */
export function excerpt(text: string, limit = MAX_EXCERPT): string {
  return shortened(hideSecrets(text.slice(0, limit + LOOKED_BEYOND)), limit).replace(UNPRINTABLE, "\ufffd");
}

/** The same for JSON, where such characters occur only in strings: they become escapes, `\u001b`. */
export function printableJson(json: string): string {
  return json.replace(STEERING, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The default for warnings: the console. */
export function warnOnConsole(message: string): void {
  console.warn(printable(message));
}
