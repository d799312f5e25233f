/**
 * The cleaning that CLIP applies to text before it is tokenised (openai/CLIP simple_tokenizer.py): ftfy.fix_text with its
 * defaults, html.unescape twice, runs of white space made one space, lower case. open_clip and dalle2_pytorch do the same.
 */
import { unescapeHtml } from "./html.js";
import { fixText } from "./repair/fix-text.js";

const WHITE_SPACE = /\p{White_Space}+/gu;

/**
 * CLIP's `whitespace_clean(basic_clean(text)).lower()`.
 * @see https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/simple_tokenizer.py#L50-L59
 */
export function cleanText(text: string): string {
  return (
    unescapeHtml(unescapeHtml(fixText(text)))
      .replace(WHITE_SPACE, " ")
      // Not trim(), which takes U+FEFF for white space.
      .replace(/^ | $/g, "")
      .toLowerCase()
  );
}
