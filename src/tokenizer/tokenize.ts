import { END_OF_TEXT, loadEncode, START_OF_TEXT } from "./bpe.js";
import { reportTooLong, type TooLongOptions } from "./prompt-too-long.js";

export interface TokenizeOptions extends TooLongOptions {
  /** Tokens in each row. Default: 77 for `tokenizeOpenAi`, 256 for `tokenizeBare`. */
  readonly contextLength?: number;
}

/**
 * Tokenizes like OpenAI's `clip.tokenize(texts, truncate=True)`: a row for each text with start token, text, end token
 * and zeros. A truncated row ends with the end token.
 * @see https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/clip.py#L205-L245
 */
export async function tokenizeOpenAi(texts: readonly string[], options: TokenizeOptions = {}): Promise<Int32Array[]> {
  const encode = await loadEncode();
  const contextLength = options.contextLength ?? 77;
  return texts.map((text) => {
    const tokens = [START_OF_TEXT, ...encode(text), END_OF_TEXT];
    const row = padRow(text, tokens, contextLength, options);
    if (tokens.length > contextLength) row[contextLength - 1] = END_OF_TEXT;
    return row;
  });
}

/**
 * Tokenizes like dalle2_pytorch's `tokenizer.tokenize(texts, truncate_text=True)`: a row for each text, followed by
 * zeros, without start and end tokens. The scripts of dalle2-laion use it.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/tokenizer.py#L134-L149
 */
export async function tokenizeBare(texts: readonly string[], options: TokenizeOptions = {}): Promise<Int32Array[]> {
  const encode = await loadEncode();
  return texts.map((text) => padRow(text, encode(text), options.contextLength ?? 256, options));
}

function padRow(text: string, tokens: readonly number[], contextLength: number, options: TokenizeOptions): Int32Array {
  if (tokens.length > contextLength) reportTooLong(text, tokens.length, contextLength, options);
  const row = new Int32Array(contextLength);
  row.set(tokens.slice(0, contextLength));
  return row;
}
