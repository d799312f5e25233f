/** CLIP's byte pair encoding (openai/CLIP simple_tokenizer.py; Sennrich et al. 2016): text to the 49408 token ids. */
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
  /** Token id of a symbol. */
  readonly ids: ReadonlyMap<string, number>;
  /** Rank of a merge, the lower the earlier it applies, by `left right`. */
  readonly ranks: ReadonlyMap<string, number>;
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
  const merges = MERGES.split("\n");
  const isOwnSymbol = (symbol: string) => symbol.codePointAt(0)! < 0x100;
  // Printable bytes come first, in both halves of the vocabulary.
  const bytes = [...BYTE_SYMBOLS.filter(isOwnSymbol), ...BYTE_SYMBOLS.filter((symbol) => !isOwnSymbol(symbol))];
  const symbols = [
    ...bytes,
    ...bytes.map((symbol) => symbol + END_OF_WORD),
    ...merges.map((merge) => merge.replace(" ", "")),
  ];
  return {
    ids: new Map(symbols.map((symbol, id) => [symbol, id])),
    ranks: new Map(merges.map((merge, rank) => [merge, rank])),
  };
}

/** Token ids of a text, cleaned first; without start and end tokens, of any length. */
export function encode(text: string): number[] {
  vocabulary ??= readVocabulary();
  const words = cleanText(text).match(WORDS) ?? [];
  return words.flatMap((word) => SPECIAL_TOKENS.get(word) ?? encodeWord(word, vocabulary!));
}

function encodeWord(word: string, { ids, ranks }: Vocabulary): number[] {
  const symbols = Array.from(new TextEncoder().encode(word), (byte) => BYTE_SYMBOLS[byte]!);
  symbols.push(symbols.pop()! + END_OF_WORD);
  return mergeSymbols(symbols, ranks).map((symbol) => ids.get(symbol)!);
}

/** Joins neighbours, always every occurrence of the pair of the lowest rank, until no pair is a merge. */
function mergeSymbols(symbols: readonly string[], ranks: ReadonlyMap<string, number>): readonly string[] {
  let merged = symbols;
  for (;;) {
    const pair = lowestRankedPair(merged, ranks);
    if (pair === undefined) return merged;
    merged = joinPair(merged, ...pair);
  }
}

function lowestRankedPair(
  symbols: readonly string[],
  ranks: ReadonlyMap<string, number>,
): [left: string, right: string] | undefined {
  let lowest: [string, string] | undefined;
  let lowestRank = Infinity;
  for (let i = 0; i + 1 < symbols.length; i++) {
    const left = symbols[i]!;
    const right = symbols[i + 1]!;
    const rank = ranks.get(`${left} ${right}`) ?? Infinity;
    if (rank < lowestRank) {
      lowest = [left, right];
      lowestRank = rank;
    }
  }
  return lowest;
}

function joinPair(symbols: readonly string[], left: string, right: string): string[] {
  const joined: string[] = [];
  for (let i = 0; i < symbols.length; i++) {
    const isPair = symbols[i] === left && symbols[i + 1] === right;
    joined.push(isPair ? left + right : symbols[i]!);
    if (isPair) i++;
  }
  return joined;
}
