import { Dalle2Error } from "../platform/dalle2-error.js";
import { warnOnConsole } from "../platform/printable.js";

/** A text has more tokens than the context of the model, and truncation is not allowed. */
export class PromptTooLongError extends Dalle2Error {
  static override readonly code = "text/too-long";
  override readonly name = "PromptTooLongError";

  static {
    this.register(this);
  }
}

export interface TooLongOptions {
  /**
   * What happens if a text is too long: "warn" (the default) truncates it with a warning, "error" throws {@link
   * PromptTooLongError}.
   */
  readonly tooLong?: "warn" | "error";
  /** Receives warnings. Default: `console.warn`. */
  readonly warn?: (message: string) => void;
}

/** Reports a text with `length` tokens to a model that reads at most `contextLength`. */
export function reportTooLong(
  text: string,
  length: number,
  contextLength: number,
  { tooLong, warn = warnOnConsole }: TooLongOptions,
): void {
  const start = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  const problem = `the prompt "${start}" has ${length} tokens, but the model reads at most ${contextLength}`;
  if (tooLong === "error") throw new PromptTooLongError(problem, { advice: "Shorten the prompt." });
  warn(`${problem}; the rest is ignored`);
}
