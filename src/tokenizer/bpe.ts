/** CLIP's byte pair encoding (openai/CLIP simple_tokenizer.py; Sennrich et al. 2016): text to the 49408 token ids. */
import { type Merges, mergeTokens, pairKey } from "./byte-pairs.js";
import { cleanText } from "./clean.js";
import { MERGES } from "./vocabulary.js";

export const START_OF_TEXT = 49406;
export const END_OF_TEXT = 49407;
const SPECIAL_TOKENS = new Map([
  ["<|startoftext|>", START_OF_TEXT],
  ["<|endoftext|>", END_OF_TEXT],
]);

const END_OF_WORD = "</w>";
// CLIP ignores case here. The text is lower case by now, so that matters only to the long s, which equals s, and to U+0345,
// a mark that equals a letter and so falls through.
const WORDS =
  /<\|startoftext\|>|<\|endoftext\|>|'[sſ]|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}\u0345]+/gu;

interface Vocabulary {
  /** Token id of each byte that does not end a word, and of each that does. */
  readonly byteIds: readonly number[];
  readonly lastByteIds: readonly number[];
  readonly merges: Merges;
}

/** A printable character for each byte: itself where it is printable, one from U+0100 on otherwise. */
const BYTE_SYMBOLS: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++));
})();

function isPrintable(byte: number): boolean {
  return (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
}

let vocabulary: Vocabulary | undefined;

function readVocabulary(): Vocabulary {
  const pairs = MERGES.split("\n").map((merge) => merge.split(" ") as [left: string, right: string]);
  const isOwnSymbol = (symbol: string) => symbol.codePointAt(0)! < 0x100;
  // Printable bytes come first, in both halves of the vocabulary.
  const bytes = [...BYTE_SYMBOLS.filter(isOwnSymbol), ...BYTE_SYMBOLS.filter((symbol) => !isOwnSymbol(symbol))];
  const symbols = [
    ...bytes,
    ...bytes.map((symbol) => symbol + END_OF_WORD),
    ...pairs.map(([left, right]) => left + right),
  ];
  const ids = new Map(symbols.map((symbol, id) => [symbol, id]));
  const idOf = (symbol: string) => ids.get(symbol)!;
  return {
    byteIds: BYTE_SYMBOLS.map(idOf),
    lastByteIds: BYTE_SYMBOLS.map((symbol) => idOf(symbol + END_OF_WORD)),
    merges: {
      ranks: new Map(pairs.map(([left, right], rank) => [pairKey(idOf(left), idOf(right)), rank])),
      firstToken: 2 * bytes.length,
    },
  };
}

/**
 * Token ids of a text, cleaned first; without start and end tokens, of any length.
 * @see https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/simple_tokenizer.py#L62-L132
 */
export function encode(text: string): number[] {
  vocabulary ??= readVocabulary();
  const ids: number[] = [];
  for (const [word] of cleanText(text).matchAll(WORDS)) {
    const special = SPECIAL_TOKENS.get(word);
    if (special !== undefined) ids.push(special);
    else for (const id of encodeWord(word, vocabulary)) ids.push(id);
  }
  return ids;
}

function encodeWord(word: string, { byteIds, lastByteIds, merges }: Vocabulary): number[] {
  const bytes = new TextEncoder().encode(word);
  const ids = Array.from(bytes, (byte) => byteIds[byte]!);
  ids[ids.length - 1] = lastByteIds[bytes.at(-1)!]!;
  return mergeTokens(ids, merges);
}
