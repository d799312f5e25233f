/** The repairs of ftfy 6 that concern single characters. */
import { fixC1Controls } from "./c1-controls.js";
import { editsOf } from "./draft.js";
import type { Edit } from "./edit.js";

const ESCAPE = "\x1b";
const TERMINAL_ESCAPES = new RegExp(`${ESCAPE}\\[[\\p{Nd};]*[a-zA-Z]`, "gu");
// ASCII controls but white space, deprecated Arabic controls, the byte order mark, annotations, the object placeholder.
const CONTROLS = /(?![\t\n\f\r\x80-\x9f])\p{Cc}|[\u206a-\u206f\ufeff\ufff9-\ufffc]/gu;
const LIGATURES = /[\u0132\u0133\u0149\u01c4-\u01cc\u01f1-\u01f3\ufb00-\ufb06]/gu;
const OTHER_WIDTHS = /[\u3000\uff01-\uffef]/gu;
const DOUBLE_QUOTES = /[\u201c-\u201f]/gu;
const SINGLE_QUOTES = /[\u02bc\u2018-\u201b]/gu;
const LINE_BREAKS = /\r\n|[\r\u2028\u2029\u0085]/gu;
const LONE_SURROGATES = /\p{Surrogate}/gu;

/** Whatever is repaired here; what makes a terminal escape may be a ligature or of another width until then. */
const ANY = new RegExp(
  [
    `${ESCAPE}[\\[\uff3b][\\p{Nd};\uff1b]*(?:[a-zA-Z\uff21-\uff3a\uff41-\uff5a]|${LIGATURES.source})?`,
    "[\\x80-\\x9f]",
    ...[LIGATURES, OTHER_WIDTHS, DOUBLE_QUOTES, SINGLE_QUOTES, LINE_BREAKS, LONE_SURROGATES, CONTROLS].map(
      ({ source }) => source,
    ),
  ].join("|"),
  "gu",
);

/**
 * Edits of ligatures, widths, quotation marks, line breaks, surrogates and controls.
 * @see https://github.com/rspeer/python-ftfy/blob/5340af6746ff655a9cd7cb2b50c2fd0b35bb91d3/ftfy/fixes.py#L145-L327
 */
export function characterEdits(text: string): Edit[] {
  const fixed = new Map<string, string>();
  return editsOf(text, ANY, (match) => {
    const known = fixed.get(match) ?? fixCharacters(match);
    fixed.set(match, known);
    return known;
  });
}

function fixCharacters(text: string): string {
  return fixC1Controls(text)
    .replace(LIGATURES, (ligature) => (ligature === "\ufb05" ? "\u017ft" : ligature.normalize("NFKC")))
    .replace(OTHER_WIDTHS, (character) => character.normalize("NFKC"))
    .replace(DOUBLE_QUOTES, '"')
    .replace(SINGLE_QUOTES, "'")
    .replace(LINE_BREAKS, "\n")
    .replace(LONE_SURROGATES, "\ufffd")
    .replace(TERMINAL_ESCAPES, "")
    .replace(CONTROLS, "");
}
