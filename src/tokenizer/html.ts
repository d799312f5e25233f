/** HTML character references, by the rules of Python's `html.unescape` and by the narrower ones of ftfy. */
import { decodeHTML, decodeHTMLStrict } from "entities";
import { fixC1Controls } from "./repair/c1-controls.js";
import { editsOf } from "./repair/draft.js";
import type { Edit } from "./repair/edit.js";

const PYTHON_REFERENCE = /&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)/g;
const FTFY_REFERENCE = /&#?[0-9A-Za-z]{1,24};/g;

/** Python's `html.unescape`: every reference, also the old names without a semicolon and as a prefix (`&notit` is `¬it`). */
export function unescapeHtml(text: string): string {
  return text.replace(PYTHON_REFERENCE, (reference: string, body: string) =>
    body.startsWith("#") ? decodeNumber(body) : decodeHTML(reference),
  );
}

/**
 * Edits by ftfy's rule for text that may not be HTML at all: only references that end in a semicolon, and `&EACUTE;` beside
 * `&Eacute;`.
 * @see https://github.com/rspeer/python-ftfy/blob/5340af6746ff655a9cd7cb2b50c2fd0b35bb91d3/ftfy/fixes.py#L73-L91
 * @see https://github.com/rspeer/python-ftfy/blob/5340af6746ff655a9cd7cb2b50c2fd0b35bb91d3/ftfy/fixes.py#L94-L139
 */
export function cautiousEdits(text: string): Edit[] {
  return editsOf(text, FTFY_REFERENCE, unescapeCautiously);
}

function unescapeCautiously(reference: string): string {
  if (reference.startsWith("&#")) {
    const character = unescapeHtml(reference);
    return character.includes(";") ? reference : character;
  }
  const character = decodeHTMLStrict(reference);
  if (character !== reference) return character;
  return decodeUpperCased(reference);
}

/** `&NTILDE;` where `&ntilde;` is a name and no part of `NTILDE` is one already. */
function decodeUpperCased(reference: string): string {
  if (reference !== reference.toUpperCase() || decodeHTML(reference) !== reference) return reference;
  const lower = reference.toLowerCase();
  const character = decodeHTMLStrict(lower);
  return character === lower ? reference : character.toUpperCase();
}

/** `#38;` or `#x26;` without the ampersand. */
function decodeNumber(body: string): string {
  const digits = body.replace(/^#[xX]?|;$/g, "");
  const code = Number.parseInt(digits, /^#[xX]/.test(body) ? 16 : 10);
  if (code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return "\ufffd";
  // As in browsers (HTML, "numeric character reference end state").
  if (code >= 0x80 && code <= 0x9f) return fixC1Controls(String.fromCharCode(code));
  return isInvalid(code) ? "" : String.fromCodePoint(code);
}

/** Control characters other than white space, and the code points that are no characters. */
function isInvalid(code: number): boolean {
  if (code < 0x20) return code !== 0x09 && code !== 0x0a && code !== 0x0c && code !== 0x0d;
  return code === 0x7f || (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe;
}
