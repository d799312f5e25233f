import { CODE_PAGES } from "./code-pages.js";

const WINDOWS_1252 = CODE_PAGES.find(({ name }) => name === "windows-1252")!;

/**
 * Control characters U+0080 to U+009F were meant as the characters that Windows-1252 has there, as in browsers.
 * @see https://github.com/rspeer/python-ftfy/blob/5340af6746ff655a9cd7cb2b50c2fd0b35bb91d3/ftfy/fixes.py#L505-L510
 */
export function fixC1Controls(text: string): string {
  return text.replace(/[\x80-\x9f]/g, (character) => WINDOWS_1252.upper[character.charCodeAt(0) - 0x80]!);
}
