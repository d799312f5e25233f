/** Longest part of a name or text from a file that a message repeats. */
const MAX_EXCERPT = 120;

// Controls (a terminal obeys them), marks that turn the direction of writing, and halves of characters.
const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Cs}/gu;

/** A text from a file as a message may repeat it: of bounded length, on one line, and without control characters. */
export function excerpt(text: string, limit = MAX_EXCERPT): string {
  const start = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return start.replace(UNPRINTABLE, "\ufffd");
}
