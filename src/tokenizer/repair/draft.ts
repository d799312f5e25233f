import { ChunkedText } from "./chunked-text.js";
import type { Edit, Span } from "./edit.js";

/** Changed places are kept apart up to this many: to read all between them once costs less than to keep more in order. */
const MAX_SPANS = 64;

/**
 * A text under repair. Repairs are repeated until none changes anything, and one that changed a few characters must not
 * make all of them read the whole text again: each keeps a list of the places that changed since it last looked.
 */
export class Draft {
  readonly #text: ChunkedText;
  readonly #changeLists: ChangeList[] = [];
  readonly #marks: Mark[] = [];

  constructor(text: string) {
    this.#text = new ChunkedText(text);
  }

  get length(): number {
    return this.#text.length;
  }

  /** The whole text, which takes long where it is long. */
  toString(): string {
    return this.#text.toString();
  }

  slice(start: number, end: number): string {
    return this.#text.slice(start, end);
  }

  /** NaN beyond the text. */
  charCodeAt(index: number): number {
    return this.#text.charCodeAt(index);
  }

  /** Repeats a repair until it changes nothing. */
  repeatUntilStable(repair: () => void): void {
    let before: readonly string[];
    do {
      before = this.#text.snapshot();
      repair();
    } while (!this.#text.equals(before));
  }

  /** A list of changed places of its own, which holds the whole text at first. */
  trackChanges(): ChangeList {
    const list = new ChangeList({ start: 0, end: this.#text.length });
    this.#changeLists.push(list);
    return list;
  }

  /** A place to remember, none at first. */
  mark(): Mark {
    const mark = new Mark();
    this.#marks.push(mark);
    return mark;
  }

  /** Applies edits, which stand in order and do not overlap. */
  apply(edits: readonly Edit[]): void {
    if (edits.length === 0) return;
    this.#text.apply(edits);
    const moves = movesOf(edits);
    for (const list of this.#changeLists) list.move(moves);
    for (const mark of this.#marks) mark.move(moves);
  }

  /** Makes `text` of the part at `span`, as an edit of what really differs; none where nothing does. */
  change(span: Span, text: string): Edit[] {
    const before = this.#text.slice(span.start, span.end);
    if (before === text) return [];
    const shorter = Math.min(before.length, text.length);
    let head = 0;
    while (head < shorter && before[head] === text[head]) head++;
    let tail = 0;
    while (tail < shorter - head && before[before.length - 1 - tail] === text[text.length - 1 - tail]) tail++;
    return [{ start: span.start + head, end: span.end - tail, text: text.slice(head, text.length - tail) }];
  }

  /** Spans with `margin` more characters on both sides, joined where they meet; no pair of surrogates is cut. */
  widened(spans: readonly Span[], margin: number): Span[] {
    const wide = spans.map(({ start, end }) => ({
      start: this.wholeCharacter(Math.max(0, start - margin), -1),
      end: this.wholeCharacter(Math.min(this.#text.length, end + margin), 1),
    }));
    return joined(wide);
  }

  private wholeCharacter(index: number, step: -1 | 1): number {
    const cutsPair =
      isSurrogate(this.#text.charCodeAt(index - 1), 0xd800) && isSurrogate(this.#text.charCodeAt(index), 0xdc00);
    return cutsPair ? index + step : index;
  }
}

function isSurrogate(code: number, first: number): boolean {
  return code >= first && code < first + 0x400;
}

/** The places that changed since they were last taken. */
export class ChangeList {
  #spans: readonly Span[];

  constructor(all: Span) {
    this.#spans = [all];
  }

  take(): readonly Span[] {
    const spans = this.#spans;
    this.#spans = [];
    return spans;
  }

  move(moves: readonly Move[]): void {
    const kept = this.#spans.map(({ start, end }) => ({
      start: moved(start, moves, "start"),
      end: moved(end, moves, "end"),
    }));
    const all = joined([...kept, ...moves.map(({ to }) => to)]);
    this.#spans = all.length > MAX_SPANS ? [{ start: all[0]!.start, end: all.at(-1)!.end }] : all;
  }
}

/** A place in the text that is remembered, and doubted as soon as something in or beside it changes. */
export class Mark {
  #span: Span | undefined;
  #isIntact = false;

  /** Where it is, or was before it changed; undefined before it is set. */
  get span(): Span | undefined {
    return this.#span;
  }

  /** Whether nothing at or beside it has changed since it was set. */
  get isIntact(): boolean {
    return this.#isIntact;
  }

  set(span: Span): void {
    this.#span = span;
    this.#isIntact = true;
  }

  clear(): void {
    this.#span = undefined;
    this.#isIntact = false;
  }

  move(moves: readonly Move[]): void {
    if (this.#span === undefined) return;
    const { start, end } = this.#span;
    const last = moves[countBefore(moves, end + 1) - 1];
    this.#isIntact &&= last === undefined || last.from.end < start;
    this.#span = { start: moved(start, moves, "start"), end: moved(end, moves, "end") };
  }
}

/** Where an edit took place: in the text before all of them, and in the text after. */
interface Move {
  readonly from: Span;
  readonly to: Span;
}

function movesOf(edits: readonly Edit[]): Move[] {
  let shift = 0;
  return edits.map((from) => {
    const start = from.start + shift;
    const to = { start, end: start + from.text.length };
    shift = to.end - from.end;
    return { from, to };
  });
}

/** Where an index of the text before the edits is after them. */
function moved(index: number, moves: readonly Move[], side: "start" | "end"): number {
  const last = moves[countBefore(moves, index) - 1];
  if (last === undefined) return index;
  return index < last.from.end ? last.to[side] : index - last.from.end + last.to.end;
}

/** How many edits start before an index. */
function countBefore(moves: readonly Move[], index: number): number {
  let low = 0;
  let high = moves.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (moves[middle]!.from.start < index) low = middle + 1;
    else high = middle;
  }
  return low;
}

function joined(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last === undefined || span.start > last.end) result.push(span);
    else if (span.end > last.end) result[result.length - 1] = { start: last.start, end: span.end };
  }
  return result;
}

/** Edits of each match of `pattern` that `repair` makes something else of. */
export function editsOf(text: string, pattern: RegExp, repair: (match: string) => string): Edit[] {
  const edits: Edit[] = [];
  for (const { 0: match, index: start } of text.matchAll(pattern)) {
    const repaired = repair(match);
    if (repaired !== match) edits.push({ start, end: start + match.length, text: repaired });
  }
  return edits;
}
