/** Unicode normal form C of a changing text. */
import { type Draft, editsOf } from "./draft.js";
import type { Edit, Span } from "./edit.js";

/** Characters that may combine with the character before: marks, and the later letters of Hangul and Kirat Rai. */
const JOINING = "\\p{M}\\u1160-\\u11ff\\ud7b0-\\ud7ff\\u{16d63}\\u{16d67}";
const IS_JOINING = new RegExp(`^[${JOINING}]`, "u");
/** Characters that compose independently of others. */
const CLUSTER = new RegExp(`[^${JOINING}]?[${JOINING}]+|[^${JOINING}]`, "gu");
const MANY_MARKS = /\p{M}{33,}/gu;

/** Returns the edits of clusters that normal form C changes. */
export function compositionEdits(text: string): Edit[] {
  return compose(text) === text ? [] : editsOf(text, CLUSTER, compose);
}

function compose(text: string): string {
  return text.replace(MANY_MARKS, inOrder).normalize("NFC");
}

/** Extends a span to whole clusters at its start and end. */
export function withWholeClusters(draft: Draft, { start, end }: Span): Span {
  let first = start;
  while (first > 0 && isJoining(draft, first)) first -= isLowSurrogate(draft, first - 1) ? 2 : 1;
  let behind = end;
  while (behind < draft.length && isJoining(draft, behind)) behind += isLowSurrogate(draft, behind + 1) ? 2 : 1;
  return { start: first, end: behind };
}

function isJoining(draft: Draft, index: number): boolean {
  return draft.charCodeAt(index) > 0x2ff && IS_JOINING.test(draft.slice(index, index + 2));
}

function isLowSurrogate(draft: Draft, index: number): boolean {
  return (draft.charCodeAt(index) & 0xfc00) === 0xdc00;
}

/**
 * Sorts marks in Unicode's canonical order. A runtime needs n² steps to sort n marks, but only n if they are
 * sorted already. `normalize` also tells which of two marks comes first.
 */
function inOrder(marks: string): string {
  const characters = Array.from(marks, (mark) => Array.from(mark.normalize("NFD"))).flat();
  const ranks = ranksOf([...new Set(characters)].filter(isReordered));
  // Marks that are never reordered separate the others.
  let part = 0;
  const places = characters.map((mark) => {
    const rank = ranks.get(mark);
    return rank === undefined ? { mark, part: ++part, rank: 0 } : { mark, part, rank };
  });
  return places
    .sort((a, b) => a.part - b.part || a.rank - b.rank)
    .map(({ mark }) => mark)
    .join("");
}

/** Returns the rank of each mark, from 1 on. Marks that are not swapped have the same rank. */
function ranksOf(marks: readonly string[]): ReadonlyMap<string, number> {
  const ranks = new Map<string, number>();
  let last: string | undefined;
  for (const mark of [...marks].sort((a, b) => Number(isSwapped(a, b)) - Number(isSwapped(b, a)))) {
    ranks.set(mark, ranks.size === 0 ? 1 : ranks.get(last!)! + Number(isSwapped(mark, last!)));
    last = mark;
  }
  return ranks;
}

function isSwapped(first: string, second: string): boolean {
  return first !== second && (first + second).normalize("NFD") === second + first;
}

/** Whether a mark is ever reordered: tested with a mark of the lowest class and one of a middle class. */
function isReordered(mark: string): boolean {
  return isSwapped(mark, "\u0334") || isSwapped("\u0301", mark) || mark === "\u0334";
}
