import { describe, expect, it } from "vitest";
import { mergeTokens, type Merges, pairKey } from "../../src/tokenizer/byte-pairs.js";
import { MinHeap } from "../../src/tokenizer/min-heap.js";
import { compositionEdits } from "../../src/tokenizer/repair/composition.js";
import { Draft } from "../../src/tokenizer/repair/draft.js";
import type { Edit } from "../../src/tokenizer/repair/edit.js";

/** Returns pseudo-random numbers below `limit`, the same in every run. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

function repeatedly(check: (next: (limit: number) => number) => void): void {
  for (let seed = 0; seed < 300; seed++) check(numbers(seed));
}

describe("a draft", () => {
  const original = Array.from({ length: 60 }, (_, i) => String.fromCharCode(0x4e00 + i)).join("");

  function randomEdits(length: number, next: (limit: number) => number): Edit[] {
    const edits: Edit[] = [];
    for (let at = next(8); at < length; at += 1 + next(20)) {
      const end = Math.min(length, at + next(4));
      edits.push({ start: at, end, text: "x".repeat(next(5)) });
      at = end;
    }
    return edits;
  }

  it("lists changed spans and moves marks", () => {
    repeatedly((next) => {
      const draft = new Draft(original);
      const watch = draft.trackChanges();
      watch.take();
      const mark = draft.mark();
      const at = next(50);
      mark.set({ start: at, end: at + 3 });
      for (let round = 0; round < 3; round++) draft.apply(randomEdits(draft.length, next));

      if (mark.isIntact) expect(draft.slice(mark.span!.start, mark.span!.end)).toBe(original.slice(at, at + 3));
      // The text between changed spans is contiguous in the original, too.
      const changed = watch.take();
      const starts = [0, ...changed.map(({ end }) => end)];
      const ends = [...changed.map(({ start }) => start), draft.length];
      for (const [i, start] of starts.entries()) expect(original).toContain(draft.slice(start, ends[i]!));
    });
  });

  it("behaves like a string of any length", () => {
    repeatedly((next) => {
      let text = original.repeat(next(150));
      const draft = new Draft(text);
      for (let round = 0; round < 10; round++) {
        const all = randomEdits(text.length, next);
        const some = all
          .slice(next(all.length), next(all.length))
          .map((edit) => ({ ...edit, text: edit.text.repeat(next(8)) }));
        const edits = next(3) > 0 ? some.slice(0, 20) : some;
        draft.apply(edits);
        text = edits.reduceRight(
          (edited, edit) => edited.slice(0, edit.start) + edit.text + edited.slice(edit.end),
          text,
        );
        const start = next(text.length);
        const end = start + next(3000);
        expect(draft.slice(start, end)).toBe(text.slice(start, end));
        expect(draft.charCodeAt(start)).toBe(text.charCodeAt(start));
      }
      expect(draft.toString()).toBe(text);
      expect(draft.length).toBe(text.length);
    });
  });

  it("edits only differences", () => {
    const draft = new Draft("a long text");
    expect(draft.change({ start: 2, end: 11 }, "lone text")).toEqual([{ start: 5, end: 6, text: "e" }]);
    expect(draft.change({ start: 2, end: 6 }, "long")).toEqual([]);
  });

  it("does not split surrogate pairs", () => {
    expect(new Draft("\u{1f600}a\u{1f600}").widened([{ start: 2, end: 3 }], 1)).toEqual([{ start: 0, end: 5 }]);
  });
});

it("marks in any order compose like in the JavaScript engine", () => {
  repeatedly((next) => {
    const marks = Array.from("\u0301\u0323\u0334\u0345\u05b0\u0651\u094d\u093e\u0344\u20dd\u302a\u{1d165}");
    const text = `x${Array.from({ length: 33 + next(60) }, () => marks[next(marks.length)]!).join("")}`;
    const draft = new Draft(text);
    draft.apply(compositionEdits(text));
    expect(draft.toString()).toBe(text.normalize("NFC"));
  });
});

describe("byte pairs", () => {
  it("are joined like with one pass for each pair", () => {
    repeatedly((next) => {
      // Each pair consists of earlier tokens.
      const ranks = Array.from({ length: 12 }, (_, rank) => [pairKey(next(4 + rank), next(4 + rank)), rank] as const);
      // Some make the same token as another.
      const joined = ranks.map(([, rank]) => 4 + (next(4) === 0 ? next(1 + rank) : rank));
      const merges: Merges = { ranks: new Map(ranks), joined };
      const tokens = Array.from({ length: 1 + next(40) }, () => next(4));
      expect(mergeTokens(tokens, merges)).toEqual(joinOneByOne(tokens, merges));
    });
  });

  it("come in ascending order", () => {
    const next = numbers(1);
    const queue = new MinHeap();
    const values = Array.from({ length: 500 }, () => next(100));
    for (const value of values) queue.add(value);
    const sorted = values.map(() => {
      const { least } = queue;
      queue.removeLeast();
      return least;
    });
    expect(sorted).toEqual([...values].sort((a, b) => a - b));
    expect(queue.least).toBeUndefined();
  });
});

/** The published algorithm. */
function joinOneByOne(tokens: readonly number[], merges: Merges): readonly number[] {
  const rankAt = (place: number) => merges.ranks.get(pairKey(tokens[place]!, tokens[place + 1] ?? -1)) ?? Infinity;
  const lowest = Math.min(...tokens.map((_, place) => rankAt(place)));
  if (lowest === Infinity) return tokens;
  const joined: number[] = [];
  for (let place = 0; place < tokens.length; place++) {
    const isPair = rankAt(place) === lowest;
    joined.push(isPair ? merges.joined[lowest]! : tokens[place]!);
    if (isPair) place++;
  }
  return joinOneByOne(joined, merges);
}
