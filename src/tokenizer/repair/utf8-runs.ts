/**
 * Runs of characters that are UTF-8 as one of the Latin-1-like encodings shows it: each a character that a lead byte
 * becomes, then as many as it asks for that continuation bytes become. What is garbled within text that is not is found so.
 */
import { CODE_PAGES } from "./code-pages.js";
import type { Draft, Mark } from "./draft.js";
import type { Span } from "./edit.js";

const LATIN1_LIKE = /^(?:latin-1|windows-\d+)$/;
/** How many characters a lead asks for with itself, 2 to 4. */
const LEAD = 7;
const CONTINUATION = 8;
/** A continuation that hardly stands for itself beside garbled text: no space, dash, bullet, ellipsis or quotation mark. */
const TELLING = 16;
const ALSO_ALONE = " –—―‘’‚“”„•…";
const LONGEST_CHARACTER = 4;
const LOOK_AHEAD = LONGEST_CHARACTER - 1;
/** Characters that are worth remembering to have been read, and how many such stretches are. */
const LONG = 64;
const MOST_SETTLED = 16;

/** By character code, of the bits above. */
let kinds: Uint8Array | undefined;

function readKinds(): Uint8Array {
  const table = new Uint8Array(0x2200);
  const add = (character: string, kind: number) => (table[character.charCodeAt(0)]! |= kind);
  for (const { upper } of CODE_PAGES.filter(({ name }) => LATIN1_LIKE.test(name))) {
    const at = (first: number, last: number) => Array.from(upper.slice(first - 0x80, last - 0x7f));
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

/**
 * Finds the runs of a text that changes.
 * @see https://github.com/rspeer/python-ftfy/blob/5340af6746ff655a9cd7cb2b50c2fd0b35bb91d3/ftfy/fixes.py#L481-L498
 */
export class RunFinder {
  /** Long stretches that were read before; no run passes the end of one. */
  readonly #settled: Mark[] = [];
  #oldest = 0;

  constructor(private readonly draft: Draft) {
    kinds ??= readKinds();
  }

  /** The runs that a change within `change` may have made, or made longer or shorter, in order. */
  around(change: Span): Span[] {
    const text = this.draft;
    const first = Math.max(0, change.start - LONGEST_CHARACTER);
    const before = this.readingTo(first);
    // A run may go on as long as characters of UTF-8 join.
    let end = Math.min(text.length, change.end + LONGEST_CHARACTER);
    while (end < text.length && reachFromLeft(text, end) > 0) end++;
    const runs = runsBetween(text, before.end, end);
    const across = runs.find((run) => run.start < first && run.end > first);
    if (first - before.end > LONG) this.settle({ start: before.start, end: across?.start ?? first });
    return runs;
  }

  /**
   * A run depends on all of it that stands before. The span ends where reading may start to find those at an index, since
   * no run passes there, and holds what decides that.
   */
  private readingTo(index: number): Span {
    let end = index;
    for (let back = reachFromLeft(this.draft, end); back > 0; back = reachFromLeft(this.draft, end)) {
      const settled = this.settledAt(end);
      if (settled !== undefined) return settled;
      end -= back;
    }
    return { start: Math.max(0, end - LONGEST_CHARACTER), end };
  }

  private settledAt(index: number): Span | undefined {
    for (const { isIntact, span } of this.#settled) {
      if (!isIntact || span === undefined) continue;
      const end = span.end - LOOK_AHEAD;
      if (index >= end && index < span.end) return { start: span.start, end };
    }
    return undefined;
  }

  private settle({ start, end }: Span): void {
    if (this.#settled.length < MOST_SETTLED) this.#settled.push(this.draft.mark());
    this.#settled[this.#oldest]!.set({ start, end: end + LOOK_AHEAD });
    this.#oldest = (this.#oldest + 1) % MOST_SETTLED;
  }
}

function runsBetween(text: Draft, start: number, end: number): Span[] {
  const runs: Span[] = [];
  for (let at = start; at < end;) {
    const runEnd = endOfRun(text, at);
    if (runEnd > at) runs.push({ start: at, end: runEnd });
    at = Math.max(runEnd, at + 1);
  }
  return runs;
}

/** How far back a character of UTF-8 begins that reaches an index or passes it; 0 for none. */
function reachFromLeft(text: Draft, index: number): number {
  for (let back = 1; back <= LONGEST_CHARACTER; back++) {
    const isLead = (kindAt(text, index - back) & LEAD) >= back;
    if (isLead && characterLength(text, index - back) > 0) return back;
  }
  return 0;
}

function endOfRun(text: Draft, start: number): number {
  if (start > 0 && kindAt(text, start - 1) & TELLING) return start;
  let end = start;
  let length: number;
  while ((length = characterLength(text, end)) > 0) end += length;
  return end;
}

/** How many characters from an index on look like one character of UTF-8; 0 for none. */
function characterLength(text: Draft, index: number): number {
  const length = kindAt(text, index) & LEAD;
  for (let next = 1; next < length; next++) if (!(kindAt(text, index + next) & CONTINUATION)) return 0;
  return length;
}

function kindAt(text: Draft, index: number): number {
  return kinds![text.charCodeAt(index)] ?? 0;
}
