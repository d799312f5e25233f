/**
 * All that the command writes goes through here. Names in checkpoints, texts of images and words of servers come from
 * strangers: what could steer a terminal is replaced, and secrets are left out.
 */
import { printable, printableJson } from "../platform/printable.js";
import { hideKnown, hideSecrets } from "../platform/secrets.js";

/** Prints a result on standard output, with a line break. */
export function print(text: string): void {
  console.log(shown(text));
}

/** Prints a value as JSON on standard output. */
export function printJson(value: unknown): void {
  const json = JSON.stringify(value, (_, part: unknown) => (typeof part === "string" ? hideKnown(part) : part), 2);
  console.log(printableJson(json));
}

/** Says something on standard error, in a line of its own. */
export function say(message: string): void {
  // Not by the console: Bun's writes errors in red.
  process.stderr.write(`${printable(hideSecrets(message))}\n`);
}

/** The same for texts that bring their own line breaks, and for halves of lines. */
export function sayPart(text: string): void {
  process.stderr.write(printable(hideSecrets(text)));
}

/** What a person typed or a file holds, fit to be shown; addresses in it stay as they are. */
export function shown(text: string): string {
  return printable(hideKnown(text));
}

const CLEAR_LINE = "\r\u001b[K";

/** Puts a text in the place of the terminal's last line on standard error, cut to its width. */
export function replaceLine(text: string): void {
  // A terminal that does not know its width says 0.
  const width = (process.stderr.columns || 80) - 1;
  process.stderr.write(`${CLEAR_LINE}${printable(hideSecrets(text)).slice(0, width)}`);
}

/** Empties the terminal's last line on standard error. */
export function clearLine(): void {
  process.stderr.write(CLEAR_LINE);
}
