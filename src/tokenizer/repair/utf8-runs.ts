/**
 * Runs of characters that are UTF-8 as one of the Latin-1-like encodings shows it: each a character that a lead byte
 * becomes, then as many as it asks for that continuation bytes become. What is garbled within text that is not is found so.
 */
import { CODE_PAGES } from "./code-pages.js";
import type { Span } from "./draft.js";

const LATIN1_LIKE = /^(?:latin-1|windows-\d+)$/;
const CONTINUATION = 8;
/** A continuation that hardly stands for itself beside garbled text: no space, dash, bullet, ellipsis or quotation mark. */
const TELLING = 16;
const ALSO_ALONE = " –—―‘’‚“”„•…";
const LONGEST_CHARACTER = 4;

/** By character code: how many characters it leads (2 to 4) if it is a lead, and the flags above. */
let kinds: Uint8Array | undefined;

function readKinds(): Uint8Array {
  const table = new Uint8Array(0x2200);
  const add = (character: string, kind: number) => (table[character.charCodeAt(0)]! |= kind);
  for (const { upper } of CODE_PAGES.filter(({ name }) => LATIN1_LIKE.test(name))) {
    const at = (first: number, last: number) => [...upper.slice(first - 0x80, last - 0x7f)];
    for (const character of at(0xc2, 0xdf)) add(character, 2);
    for (const character of at(0xe0, 0xef)) add(character, 3);
    for (const character of [...at(0xf0, 0xf0), ...at(0xf3, 0xf3)]) add(character, 4);
    for (const character of at(0x80, 0xbf))
      add(character, CONTINUATION | (ALSO_ALONE.includes(character) ? 0 : TELLING));
  }
  for (let code = 0x80; code < 0xc0; code++) table[code]! |= CONTINUATION | TELLING;
  add(" ", CONTINUATION);
  return table;
}

/** The runs that a change within `change` may have made, or made longer or shorter, in order. */
export function runsAround(text: string, change: Span): Span[] {
  kinds ??= readKinds();
  const start = fresh(text, Math.max(0, change.start - LONGEST_CHARACTER), -1);
  const end = fresh(text, Math.min(text.length, change.end + LONGEST_CHARACTER), 1);
  const runs: Span[] = [];
  for (let at = start; at < end;) {
    const runEnd = endOfRun(text, at);
    if (runEnd > at) runs.push({ start: at, end: runEnd });
    at = Math.max(runEnd, at + 1);
  }
  return runs;
}

/** The next index in a direction that no run reaches or passes from the left, whatever the run's start. */
function fresh(text: string, index: number, step: -1 | 1): number {
  let at = index;
  while (at > 0 && at < text.length && isReached(text, at)) at += step;
  return at;
}

function isReached(text: string, index: number): boolean {
  for (let back = 1; back <= LONGEST_CHARACTER; back++) if (characterLength(text, index - back) >= back) return true;
  return false;
}

function endOfRun(text: string, start: number): number {
  if (start > 0 && kindAt(text, start - 1) & TELLING) return start;
  let end = start;
  let length: number;
  while ((length = characterLength(text, end)) > 0) end += length;
  return end;
}

/** How many characters from an index on look like one character of UTF-8; 0 for none. */
function characterLength(text: string, index: number): number {
  const length = kindAt(text, index) & 7;
  for (let next = 1; next < length; next++) if (!(kindAt(text, index + next) & CONTINUATION)) return 0;
  return length;
}

function kindAt(text: string, index: number): number {
  return kinds![text.charCodeAt(index)] ?? 0;
}
