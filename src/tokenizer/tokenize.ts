import { encode, END_OF_TEXT, START_OF_TEXT } from "./bpe.js";
import { Dalle2Error } from "../platform/dalle2-error.js";
import { warnOnConsole } from "../platform/printable.js";

/** A text that has more tokens than the model's context, where truncation was not allowed. */
export class PromptTooLongError extends Dalle2Error {
  static override readonly code = "text/too-long";
  override readonly name = "PromptTooLongError";

  static {
    this.register(this);
  }
}

export interface TokenizeOptions {
  /** Tokens in each row. */
  readonly contextLength?: number;
  /** What happens to a text that is too long: truncated with a warning (the default), or {@link PromptTooLongError}. */
  readonly tooLong?: "warn" | "error";
  /** Takes the warnings; `console.warn` by default. */
  readonly warn?: (message: string) => void;
}

/**
 * Tokens as OpenAI's `clip.tokenize(texts, truncate=True)` gives them: a row for each text, start token, text, end token,
 * zeros. A row that was truncated ends in the end token.
 * @see https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/clip.py#L205-L245
 */
export function tokenizeOpenAi(texts: readonly string[], options: TokenizeOptions = {}): Int32Array[] {
  const contextLength = options.contextLength ?? 77;
  return texts.map((text) => {
    const tokens = [START_OF_TEXT, ...encode(text), END_OF_TEXT];
    const row = padRow(text, tokens, contextLength, options);
    if (tokens.length > contextLength) row[contextLength - 1] = END_OF_TEXT;
    return row;
  });
}

/**
 * Tokens as dalle2_pytorch's `tokenizer.tokenize(texts, truncate_text=True)` gives them: a row for each text, without
 * start and end tokens, zeros after it. dalle2-laion's scripts use these.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/tokenizer.py#L134-L149
 */
export function tokenizeBare(texts: readonly string[], options: TokenizeOptions = {}): Int32Array[] {
  return texts.map((text) => padRow(text, encode(text), options.contextLength ?? 256, options));
}

function padRow(text: string, tokens: readonly number[], contextLength: number, options: TokenizeOptions): Int32Array {
  if (tokens.length > contextLength) reportTooLong(text, tokens.length, contextLength, options);
  const row = new Int32Array(contextLength);
  row.set(tokens.slice(0, contextLength));
  return row;
}

function reportTooLong(text: string, length: number, contextLength: number, options: TokenizeOptions): void {
  const start = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  const problem = `the prompt "${start}" has ${length} tokens, but the model reads ${contextLength}`;
  if (options.tooLong === "error") throw new PromptTooLongError(problem, { advice: "shorten it" });
  const warn = options.warn ?? warnOnConsole;
  warn(`${problem}; the rest is ignored`);
}
