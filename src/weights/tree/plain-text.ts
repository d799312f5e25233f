const MAX_LENGTH = 120;
/** Control characters, and those that turn the direction of text. */
const UNPRINTABLE = /\p{C}/gu;

/** A text from a file, fit for a message: short, and without characters that a terminal obeys. */
export function plainText(text: string, maxLength = MAX_LENGTH): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return cut.replace(UNPRINTABLE, "\uFFFD");
}
