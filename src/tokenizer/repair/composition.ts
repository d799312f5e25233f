/** Unicode's normal form C of a text that changes. */
import { type Draft, editsOf } from "./draft.js";
import type { Edit, Span } from "./edit.js";

/** Characters that may become one with what stands before them: marks, the later letters of Hangul and Kirat Rai. */
const JOINING = "\\p{M}\\u1160-\\u11ff\\ud7b0-\\ud7ff\\u{16d63}\\u{16d67}";
const IS_JOINING = new RegExp(`^[${JOINING}]`, "u");
/** What composes for itself. */
const CLUSTER = new RegExp(`[^${JOINING}]?[${JOINING}]+|[^${JOINING}]`, "gu");
const MANY_MARKS = /\p{M}{33,}/gu;

/** Edits of the clusters of characters that changed. */
export function compositionEdits(text: string): Edit[] {
  return compose(text) === text ? [] : editsOf(text, CLUSTER, compose);
}

function compose(text: string): string {
  return text.replace(MANY_MARKS, inOrder).normalize("NFC");
}

/** The span with the rest of the clusters at its start and end. */
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
 * Marks in Unicode's canonical order. An engine inserts each where it belongs, n² steps for n marks; once they are in
 * order, it takes n. It tells us, too, which of two marks goes first.
 */
function inOrder(marks: string): string {
  const characters = Array.from(marks, (mark) => Array.from(mark.normalize("NFD"))).flat();
  const ranks = ranksOf([...new Set(characters)].filter(isReordered));
  // Marks that keep their place part the others.
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

/** Rank of each mark, from 1 on, the same for those that do not change places. */
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

/** Whether a mark ever changes places: marks of the least class and of a middle one show it. */
function isReordered(mark: string): boolean {
  return isSwapped(mark, "\u0334") || isSwapped("\u0301", mark) || mark === "\u0334";
}
