/**
 * The cleaning that CLIP applies to text before it is tokenised (openai/CLIP simple_tokenizer.py): the repairs of
 * ftfy.fix_text with its defaults, html.unescape twice, runs of white space made one space, lower case.
 */
import { unescapeHtml, unescapeHtmlCautiously } from "./html.js";
import { fixC1Controls, repairEncoding } from "./mojibake.js";

// eslint-disable-next-line no-control-regex -- these are what is removed
const TERMINAL_ESCAPES = /\x1b\[[\d;]*[a-zA-Z]/g;
// ASCII controls but white space, deprecated Arabic controls, the byte order mark, annotations, the object placeholder.
// eslint-disable-next-line no-control-regex -- these are what is removed
const CONTROLS = /[\x00-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffc]/g;
const LIGATURES = /[\u0132\u0133\u0149\u01c4-\u01cc\u01f1-\u01f3\ufb00-\ufb06]/g;
const OTHER_WIDTHS = /[\u3000\uff01-\uffef]/g;
const LONE_SURROGATES = /\p{Surrogate}/gu;
const WHITE_SPACE = /\p{White_Space}+/gu;

/** CLIP's `whitespace_clean(basic_clean(text)).lower()`. */
export function cleanText(text: string): string {
  return unescapeHtml(unescapeHtml(fixText(text)))
    .replace(WHITE_SPACE, " ")
    .trim()
    .toLowerCase();
}

/** ftfy 6's `fix_text`, line by line, for the encodings that mojibake.ts knows. */
export function fixText(text: string): string {
  let mayBeEscaped = true;
  const fixedLines = text.split(/(?<=\n)/).map((line) => {
    // Text with a tag in it is HTML: its references are meant to stay. ftfy holds that for all lines that follow, too.
    mayBeEscaped &&= !line.includes("<");
    return fixLine(line, mayBeEscaped);
  });
  return fixedLines.join("");
}

/** Repeats the fixes until none changes anything, since one may uncover work for another. */
function fixLine(line: string, mayBeEscaped: boolean): string {
  let fixed = line;
  for (let before: string | null = null; before !== fixed;) {
    before = fixed;
    fixed = mayBeEscaped ? unescapeHtmlCautiously(fixed) : fixed;
    fixed = fixC1Controls(repairEncoding(fixed));
    fixed = fixCharacters(fixed).normalize("NFC");
  }
  return fixed;
}

function fixCharacters(text: string): string {
  return text
    .replace(LIGATURES, (ligature) => (ligature === "\ufb05" ? "\u017ft" : ligature.normalize("NFKC")))
    .replace(OTHER_WIDTHS, (character) => character.normalize("NFKC"))
    .replace(/[\u201c-\u201f]/g, '"')
    .replace(/[\u02bc\u2018-\u201b]/g, "'")
    .replace(/\r\n|[\r\u2028\u2029\u0085]/g, "\n")
    .replace(LONE_SURROGATES, "\ufffd")
    .replace(TERMINAL_ESCAPES, "")
    .replace(CONTROLS, "");
}
