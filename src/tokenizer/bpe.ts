/** CLIP's byte pair encoding (openai/CLIP simple_tokenizer.py), with 49408 token ids. */
import { BYTE_SYMBOLS, BytePairEncoder, lastSymbol } from "./byte-pair-encoder.js";
import { cleanText } from "./clean.js";
import { MERGES } from "./vocabulary.js";
import { END_WORD, START_WORD, wordsOf } from "./words.js";

export const START_OF_TEXT = 49406;
export const END_OF_TEXT = 49407;
const SPECIAL_TOKENS = new Map([
  [START_WORD, START_OF_TEXT],
  [END_WORD, END_OF_TEXT],
]);

let encoder: BytePairEncoder | undefined;

function readVocabulary(): BytePairEncoder {
  const merges = MERGES.split("\n").map((merge) => merge.split(" ") as [left: string, right: string]);
  const isOwnSymbol = (symbol: string) => symbol.codePointAt(0)! < 0x100;
  // Printable bytes come first, in both halves of the vocabulary.
  const bytes = [...BYTE_SYMBOLS.filter(isOwnSymbol), ...BYTE_SYMBOLS.filter((symbol) => !isOwnSymbol(symbol))];
  const symbols = [...bytes, ...bytes.map(lastSymbol), ...merges.map(([left, right]) => left + right)];
  const ids = new Map(symbols.map((symbol, id) => [symbol, id]));
  return new BytePairEncoder({ ids, merges, unknown: END_OF_TEXT });
}

/**
 * Returns the token ids of a text after cleaning it, without start and end tokens; of any length.
 * @see https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/simple_tokenizer.py#L62-L132
 */
export function encode(text: string): number[] {
  encoder ??= readVocabulary();
  const ids: number[] = [];
  for (const word of wordsOf(cleanText(text))) {
    const special = SPECIAL_TOKENS.get(word);
    if (special !== undefined) ids.push(special);
    else for (const id of encoder.encode(word)) ids.push(id);
  }
  return ids;
}
