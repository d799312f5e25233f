/**
 * What steers a terminal: control characters but tab and line break, and those that turn the direction of text round
 * (Unicode Standard Annex 9). Half of a surrogate pair is no character at all.
 */
const STEERING = /(?![\t\n]|\r\n)\p{Cc}|[\u202a-\u202e\u2066-\u2069]|\p{Cs}/gu;

/** Text of unknown origin, fit for a terminal or a log: each character that could steer it is replaced by U+FFFD. */
export function printable(text: string): string {
  return text.replace(STEERING, "\uFFFD");
}

/** The same for JSON, in which such characters stand in strings only: they are written as escapes, `\u001b`. */
export function printableJson(json: string): string {
  return json.replace(STEERING, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Where warnings go unless the caller takes them: the console. */
export function warnOnConsole(message: string): void {
  console.warn(printable(message));
}
