/**
 * All output of the command goes through this module. Names in checkpoints, texts in images and messages of servers are
 * untrusted: terminal control characters are replaced, and secrets are removed.
 */
import { printable, printableJson } from "../platform/printable.js";
import { hideKnown, hideSecrets } from "../platform/secrets.js";

/** Prints a result on standard output, with a line break. */
export function print(text: string): void {
  console.log(sanitized(text));
}

/** Prints a value as JSON on standard output. */
export function printJson(value: unknown): void {
  const json = JSON.stringify(value, (_, part: unknown) => (typeof part === "string" ? hideKnown(part) : part), 2);
  console.log(printableJson(json));
}

/** Prints a message on standard error, with a line break. */
export function say(message: string): void {
  // Not console.error: in Bun it prints in red.
  process.stderr.write(`${printable(hideSecrets(message))}\n`);
}

/** Prints on standard error without adding a line break. */
export function sayPart(text: string): void {
  process.stderr.write(printable(hideSecrets(text)));
}

/** Untrusted text, made safe to print. URLs in it stay unchanged. */
export function sanitized(text: string): string {
  return printable(hideKnown(text));
}

const CLEAR_LINE = "\r\u001b[K";

/** The number of characters that fit on a line of the terminal. */
export function lineWidth(): number {
  // A terminal of unknown width reports 0.
  return (process.stderr.columns || 80) - 1;
}

/** Replaces the last line of the terminal on standard error with a text, cut to its width. */
export function replaceLine(text: string): void {
  process.stderr.write(`${CLEAR_LINE}${printable(hideSecrets(text)).slice(0, lineWidth())}`);
}

/** Clears the last line of the terminal on standard error. */
export function clearLine(): void {
  process.stderr.write(CLEAR_LINE);
}
