/** Byte pair encoding of words with a given vocabulary (Sennrich et al. 2016), as CLIP's tokenizers do it. */
import { type Merges, mergeTokens, pairKey } from "./byte-pairs.js";

const END_OF_WORD = "</w>";
const BYTES = 256;

/** A vocabulary in CLIP's files: bytes are printable characters, and `</w>` follows the last one of a word. */
export interface Vocabulary {
  /** Token id of each symbol. */
  readonly ids: ReadonlyMap<string, number>;
  /** Pairs of symbols, first those that are joined first. At most 65024. */
  readonly merges: readonly (readonly [left: string, right: string])[];
  /** Token id of symbols that have none. */
  readonly unknown: number;
}

/** A printable character for each byte: the byte itself if it is printable, otherwise one from U+0100 on. */
export const BYTE_SYMBOLS: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: BYTES }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++));
})();

function isPrintable(byte: number): boolean {
  return (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
}

/** The symbol that a symbol is at the end of a word. */
export function lastSymbol(symbol: string): string {
  return symbol + END_OF_WORD;
}

export class BytePairEncoder {
  readonly #merges: Merges;
  /** Token ids by number of symbol. Symbols are the bytes, the bytes at the end of a word, and what merges make. */
  readonly #ids: Int32Array;

  constructor({ ids, merges, unknown }: Vocabulary) {
    const symbols = new Map([...BYTE_SYMBOLS, ...BYTE_SYMBOLS.map(lastSymbol)].map((symbol, i) => [symbol, i]));
    const joined = merges.map(([left, right]) => {
      const whole = left + right;
      const number = symbols.get(whole) ?? symbols.size;
      symbols.set(whole, number);
      return number;
    });
    const ranks = new Map<number, number>();
    for (const [rank, pair] of merges.entries()) {
      const [left, right] = [symbols.get(pair[0]), symbols.get(pair[1])];
      // No text has a symbol that no merge makes.
      if (left !== undefined && right !== undefined) ranks.set(pairKey(left, right), rank);
    }
    this.#merges = { ranks, joined };
    this.#ids = Int32Array.from(symbols.keys(), (symbol) => ids.get(symbol) ?? unknown);
  }

  /** Returns the token ids of a word that is not empty. */
  encode(word: string): number[] {
    const symbols = Array.from(new TextEncoder().encode(word));
    symbols[symbols.length - 1]! += BYTES;
    return mergeTokens(symbols, this.#merges).map((symbol) => this.#ids[symbol]!);
  }
}
