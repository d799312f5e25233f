/** CLIP's byte pair encoding (openai/CLIP simple_tokenizer.py), with 49408 token ids. */
import { loadPart } from "../platform/load-part.js";
import { BYTE_SYMBOLS, BytePairEncoder, lastSymbol } from "./byte-pair-encoder.js";
import { cleanText } from "./clean.js";
import { END_WORD, START_WORD, wordsOf } from "./words.js";

export const START_OF_TEXT = 49406;
export const END_OF_TEXT = 49407;
const SPECIAL_TOKENS = new Map([
  [START_WORD, START_OF_TEXT],
  [END_WORD, END_OF_TEXT],
]);

/** Returns the token ids of a text after cleaning it, without start and end tokens; of any length. */
export type Encode = (text: string) => number[];

let loading: Promise<Encode> | undefined;

/**
 * CLIP's byte pair encoding. Its vocabulary, as large as the rest of the library, is loaded at the first call. Rejects with
 * `FileError` if that fails.
 * @see https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/simple_tokenizer.py#L62-L132
 */
export function loadEncode(): Promise<Encode> {
  loading ??= load().catch((error: unknown) => {
    // The next call tries again.
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load(): Promise<Encode> {
  const { PACKED_MERGES } = await loadPart("the tokenizer's vocabulary", () => import("./vocabulary.js"));
  const encoder = encoderOf(await unpackMerges(PACKED_MERGES));
  return (text) => {
    const ids: number[] = [];
    for (const word of wordsOf(cleanText(text))) {
      const special = SPECIAL_TOKENS.get(word);
      if (special !== undefined) ids.push(special);
      else for (const id of encoder.encode(word)) ids.push(id);
    }
    return ids;
  };
}

/** The ids of both halves of each merge: all left halves, then all right ones. */
async function unpackMerges(packed: string): Promise<Uint16Array> {
  const compressed = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const count = bytes.length / 2;
  // First all low bytes, then all high ones.
  return Uint16Array.from({ length: count }, (_, i) => bytes[i]! | (bytes[count + i]! << 8));
}

function encoderOf(halves: Uint16Array): BytePairEncoder {
  const count = halves.length / 2;
  const isOwnSymbol = (symbol: string) => symbol.codePointAt(0)! < 0x100;
  // Printable bytes come first, in both halves of the vocabulary.
  const bytes = [...BYTE_SYMBOLS.filter(isOwnSymbol), ...BYTE_SYMBOLS.filter((symbol) => !isOwnSymbol(symbol))];
  const symbols = [...bytes, ...bytes.map(lastSymbol)];
  const merges: [left: string, right: string][] = [];
  for (let rank = 0; rank < count; rank++) {
    const [left, right] = [symbols[halves[rank]!]!, symbols[halves[count + rank]!]!];
    merges.push([left, right]);
    symbols.push(left + right);
  }
  const ids = new Map(symbols.map((symbol, id) => [symbol, id]));
  return new BytePairEncoder({ ids, merges, unknown: END_OF_TEXT });
}
