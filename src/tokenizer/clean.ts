/**
 * The cleaning that CLIP applies to text before tokenization (openai/CLIP simple_tokenizer.py): ftfy.fix_text with its
 * defaults, html.unescape twice, one space for each run of white space, and lower case. open_clip and dalle2_pytorch do
 * the same.
 */
import { unescapeHtml } from "./html.js";
import { fixText } from "./repair/fix-text.js";

const WHITE_SPACE = /\p{White_Space}+/gu;

/**
 * Same as CLIP's `whitespace_clean(basic_clean(text)).lower()`.
 * @see https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/simple_tokenizer.py#L50-L59
 */
export function cleanText(text: string): string {
  return tidied(unescapeHtml(unescapeHtml(fixText(text))));
}

/** The same without decoding HTML, as the transformers library does. */
export function cleanPlainText(text: string): string {
  return tidied(fixText(text));
}

function tidied(text: string): string {
  return (
    text
      .replace(WHITE_SPACE, " ")
      // Not trim(), which treats U+FEFF as white space.
      .replace(/^ | $/g, "")
      .toLowerCase()
  );
}
