import { hideSecrets } from "./secrets.js";

/**
 * What steers a terminal: control characters but tab and line break, and those that turn the direction of text round
 * (Unicode Standard Annex 9). Half of a surrogate pair is no character at all.
 */
const STEERING = /(?![\t\n]|\r\n)\p{Cc}|[\u202a-\u202e\u2066-\u2069]|\p{Cs}/gu;

/** Text of unknown origin, fit for a terminal or a log: each character that could steer it is replaced by U+FFFD. */
export function printable(text: string): string {
  return text.replace(STEERING, "\uFFFD");
}

/** The beginning of a text that may be long, and a sign that it goes on. */
export function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

/** Longest part of a name or text from a file that a message repeats. */
const MAX_EXCERPT = 120;
/** How much behind it is looked through for secrets: cut in the middle, one would not be recognised. */
const LOOKED_BEYOND = 4096;

// All control characters, since an excerpt has no lines; marks that turn the direction of writing, and halves of characters.
const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Cs}/gu;

/** A text of unknown origin as part of a message: of bounded length, on one line, without control characters and secrets. */
export function excerpt(text: string, limit = MAX_EXCERPT): string {
  return shortened(hideSecrets(text.slice(0, limit + LOOKED_BEYOND)), limit).replace(UNPRINTABLE, "\ufffd");
}

/** The same for JSON, in which such characters stand in strings only: they are written as escapes, `\u001b`. */
export function printableJson(json: string): string {
  return json.replace(STEERING, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Where warnings go unless the caller takes them: the console. */
export function warnOnConsole(message: string): void {
  console.warn(printable(message));
}
