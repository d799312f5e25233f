import { ChunkedText } from "./chunked-text.js";
import type { Edit, Span } from "./edit.js";

/** Maximum number of separate changed spans. With more, reading everything between them is cheaper. */
const MAX_SPANS = 64;

/**
 * A text that is being repaired. Repairs are repeated until none changes anything. After a small change they must not
 * all read the whole text again, so each has a list of the spans that changed since its last run.
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

  /** Returns the whole text; slow for a long text. */
  toString(): string {
    return this.#text.toString();
  }

  slice(start: number, end: number): string {
    return this.#text.slice(start, end);
  }

  /** Returns the code of a character, or NaN beyond the text. */
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

  /** Creates a list of changed spans. At first it contains the whole text. */
  trackChanges(): ChangeList {
    const list = new ChangeList({ start: 0, end: this.#text.length });
    this.#changeLists.push(list);
    return list;
  }

  /** Creates a mark, which is not set at first. */
  mark(): Mark {
    const mark = new Mark();
    this.#marks.push(mark);
    return mark;
  }

  /** Applies edits, which must be in order and not overlap. */
  apply(edits: readonly Edit[]): void {
    if (edits.length === 0) return;
    this.#text.apply(edits);
    const moves = movesOf(edits);
    for (const list of this.#changeLists) list.move(moves);
    for (const mark of this.#marks) mark.move(moves);
  }

  /** Returns the edit that replaces `span` by `text`, reduced to what differs; no edit if nothing differs. */
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

  /**
   * Returns the spans, extended by `margin` characters on both sides and joined if they touch. Never splits a surrogate
   * pair.
   */
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

/** The spans that changed since the last `take`. */
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

/** A remembered span of the text. It stops being intact as soon as something in it or next to it changes. */
export class Mark {
  #span: Span | undefined;
  #isIntact = false;

  /** The current span, even if it is no longer intact; undefined if it is not set. */
  get span(): Span | undefined {
    return this.#span;
  }

  /** Whether nothing in it or next to it has changed since it was set. */
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

/** The span of an edit in the text before all edits, and in the text after them. */
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

/** Returns the index after the edits of an index before them. */
function moved(index: number, moves: readonly Move[], side: "start" | "end"): number {
  const last = moves[countBefore(moves, index) - 1];
  if (last === undefined) return index;
  return index < last.from.end ? last.to[side] : index - last.from.end + last.to.end;
}

/** Returns how many edits start before an index. */
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

/** Returns an edit for each match of `pattern` that `repair` changes. */
export function editsOf(text: string, pattern: RegExp, repair: (match: string) => string): Edit[] {
  const edits: Edit[] = [];
  for (const { 0: match, index: start } of text.matchAll(pattern)) {
    const repaired = repair(match);
    if (repaired !== match) edits.push({ start, end: start + match.length, text: repaired });
  }
  return edits;
}
