// JSON from files that may have been made to harm. JSON.parse itself reads any nesting, but what walks its result, such
// as JSON.stringify, is recursive and ends in a RangeError.

/** Deeper than any config or header of this field nests; serde_json, which reads safetensors headers, stops there too. */
export const MAX_JSON_DEPTH = 128;

/** As JSON.parse. Throws SyntaxError also where arrays and objects are nested more than `maxDepth` deep. */
export function parseJson(text: string, maxDepth = MAX_JSON_DEPTH): unknown {
  checkDepth(text, maxDepth);
  return JSON.parse(text) as unknown;
}

const QUOTE = 0x22;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function checkDepth(text: string, maxDepth: number): void {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (++depth > maxDepth) throw new SyntaxError(`nested more than ${maxDepth} deep`);
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--;
    else if (code === QUOTE) at = jsonStringEnd(text, at) - 1;
  }
}

/** The position after the closing quote of the JSON string that opens at `start`; the text's end where none closes it. */
export function jsonStringEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    at += code === BACKSLASH ? 2 : 1;
  }
  return text.length;
}
