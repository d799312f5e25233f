/** The words that CLIP's byte pair encoding encodes one by one (openai/CLIP simple_tokenizer.py). */

/** Words that are tokens by themselves. */
export const START_WORD = "<|startoftext|>";
export const END_WORD = "<|endoftext|>";

// CLIP ignores case here. The text is lower case already, so this concerns only two characters: the long s, which
// equals s, and U+0345, a mark that equals a letter and is therefore dropped.
const WORDS =
  /<\|startoftext\|>|<\|endoftext\|>|'[sſ]|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}\u0345]+/gu;

/**
 * The words of a cleaned text.
 * @see https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/simple_tokenizer.py#L62-L132
 */
export function wordsOf(cleanText: string): string[] {
  return cleanText.match(WORDS) ?? [];
}
