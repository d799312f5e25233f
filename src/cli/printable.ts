/** Control characters but the newline. */
const UNPRINTABLE = /[^\P{C}\n]/gu;

/** Text from a file, fit for a terminal: it could otherwise steer it. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, "\uFFFD");
}
