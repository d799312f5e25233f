import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { embedding, sinusoids } from "../../src/ops/embedding.js";
import { nonZeroRows, selectRows, visibleTokens } from "../../src/ops/select.js";
import { ShapeError } from "../../src/ops/shape-error.js";
import type { Arena } from "../../src/tensor/arena.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import { expectClose, openTestArena, Random, testableTypes } from "../support/gpu.js";
import { build, reader } from "../support/nd.js";
import { rounded } from "../support/rounded.js";

describe.each(await testableTypes())("tokens in %s", (dtype: ComputeType) => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await openTestArena(dtype);
  });
  afterEach(() => arena.checkGuards());

  const random = new Random(41);

  function make(shape: readonly number[]) {
    const size = shape.reduce((product, axis) => product * axis, 1);
    const values = rounded(random.normals(size), dtype);
    return { tensor: arena.from(values, shape), at: reader(values, shape) };
  }
  const bits = (count: number) => Uint32Array.from({ length: count }, () => random.integer(0, 1));

  describe("embedding", () => {
    test.each([
      [1, 1],
      [10, 7],
      [1000, 12],
      [33, 64],
    ])("of a table [%i, %i]", async (entries, channels) => {
      const table = make([entries, channels]);
      const ids = Uint32Array.from({ length: 2 * 5 }, () => random.integer(0, entries - 1));
      ids[0] = entries - 1;
      const y = embedding(table.tensor, arena.from(ids, [2, 5], "u32"));
      expect(y.shape).toEqual([2, 5, channels]);
      const expected = build([2, 5, channels], (b, l, c) => table.at(ids[b * 5 + l]!, c));
      expect([...(await y.read())]).toEqual([...expected]);
      const listed = embedding(table.tensor, [...ids]);
      expect(listed.shape).toEqual([10, channels]);
      expect([...(await listed.read())]).toEqual([...expected]);
    });

    test("refuses ids beyond the table", () => {
      const { tensor } = make([3, 4]);
      expect(() => embedding(tensor, [0, 3])).toThrow(/ids\[1\] is 3; expected one of the 3 rows of the table/);
      expect(() => embedding(tensor, [-1])).toThrow(ShapeError);
      expect(() => embedding(tensor, make([3, 4]).tensor)).toThrow(/ids is f\d\d; expected u32/);
    });
  });

  describe("sinusoids", () => {
    test.each([8, 10, 320])("of %i channels", (dim) => {
      const times = [0, 1, 7, 200, 999];
      const half = dim / 2;
      const expected = build([times.length, dim], (n, c) => {
        const angle = times[n]! * 10000 ** (-(c % half) / (half - 1));
        return c < half ? Math.sin(angle) : Math.cos(angle);
      });
      // Angles up to 999 are rounded to f32 as in the reference: each of three roundings changes them by up to 3e-5.
      expectClose(sinusoids(times, dim), expected, { maxRelative: 1e-4 });
    });

    test("truncates to whole numbers: 0 except where f32 is exactly 1", () => {
      // cos 355 is -1 to ten digits. Frequencies are 1 and 1e-4: cos 0.0002 is 1 - 2e-8, which f32 rounds to 1.
      const y = sinusoids([0, 2, 355], 4, { truncate: true });
      expect([...y].map(Math.abs)).toEqual([0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0]);
    });

    test("refuses sizes that the formula does not allow", () => {
      expect(() => sinusoids([1], 2)).toThrow(ShapeError);
      expect(() => sinusoids([1], 7)).toThrow(ShapeError);
    });
  });

  test.each([
    [1, 1, 1],
    [2, 5, 7],
    [3, 77, 64],
    [2, 4, 300],
  ])("nonZeroRows of [%i, %i, %i]", async (batch, length, channels) => {
    const kept = bits(batch * length);
    // A kept row has a single value that is not zero, anywhere in the row. Minus zero is zero.
    const places = Array.from(kept, () => random.integer(0, channels - 1));
    const values = build([batch, length, channels], (b, l, c) => {
      const row = b * length + l;
      return kept[row] === 1 && places[row] === c ? -0.5 : -0;
    });
    const y = nonZeroRows(arena.from([...values], [batch, length, channels]));
    expect(y.dtype).toBe("u32");
    expect(y.shape).toEqual([batch, length]);
    expect([...(await y.read())]).toEqual([...kept]);
  });

  describe("selectRows", () => {
    const cases = [
      { batch: 2, tokens: 5, length: 5, channels: 8 },
      { batch: 3, tokens: 4, length: 9, channels: 6 },
      { batch: 2, tokens: 9, length: 4, channels: 3 },
      { batch: 4, tokens: 1, length: 1, channels: 16 },
      { batch: 2, tokens: 77, length: 256, channels: 12 },
      { batch: 2, tokens: 0, length: 3, channels: 4 },
    ].flatMap((c) => [false, true].map((masked) => ({ ...c, masked })));

    test.each(cases)(
      "$batch × $tokens of $length, masked: $masked",
      async ({ batch, tokens, length, channels, masked }) => {
        const x = make([batch, tokens, channels]);
        const fallback = make([length, channels]);
        const mask = masked ? bits(batch * tokens) : undefined;
        const keep = Array.from({ length: batch }, (_, b) => (b === 0 ? 1 : random.integer(0, 1)));
        const y = selectRows({
          tokens: x.tensor,
          fallback: fallback.tensor,
          mask: mask && arena.from(mask, [batch, tokens], "u32"),
          keepMask: keep,
        });
        expect(y.shape).toEqual([batch, length, channels]);
        const expected = build([batch, length, channels], (b, l, c) => {
          const isSelected = l < tokens && keep[b] === 1 && (!mask || mask[b * tokens + l] === 1);
          return isSelected ? x.at(b, l, c) : fallback.at(l, c);
        });
        expect([...(await y.read())]).toEqual([...expected]);
      },
    );

    test("accepts a fallback [1, M, C] and an uploaded keepMask", async () => {
      const tokens = arena.from([1, 2, 3, 4], [2, 1, 2]);
      const fallback = arena.from([7, 8], [1, 1, 2]);
      const y = selectRows({ tokens, fallback, keepMask: arena.from([0, 1], [2], "u32") });
      expect([...(await y.read())]).toEqual([7, 8, 3, 4]);
    });

    test("refuses arguments that do not fit", () => {
      const tokens = make([2, 3, 4]).tensor;
      const fallback = make([3, 4]).tensor;
      expect(() => selectRows({ tokens, fallback: make([3, 8]).tensor, keepMask: [1, 1] })).toThrow(ShapeError);
      expect(() => selectRows({ tokens, fallback: make([2, 3, 4]).tensor, keepMask: [1, 1] })).toThrow(ShapeError);
      expect(() => selectRows({ tokens, fallback, keepMask: [1] })).toThrow(/keepMask is \[1\]; expected \[2\]/);
      expect(() => selectRows({ tokens, fallback, keepMask: [1, 1], mask: make([2, 3]).tensor })).toThrow(/mask is f/);
    });
  });

  describe("visibleTokens", () => {
    test.each([
      { batch: 1, masked: 0, optional: 1, length: 4 },
      { batch: 3, masked: 5, optional: 7, length: 10 },
      { batch: 2, masked: 7, optional: 3, length: 7 },
      { batch: 2, masked: 77, optional: 78, length: 81 },
    ])("$masked masked and $optional optional of $batch × $length", async ({ batch, masked, optional, length }) => {
      const mask = bits(batch * masked);
      const keep = Array.from({ length: batch }, (_, b) => b % 2);
      const y = visibleTokens({
        keepMask: arena.from(keep, [batch], "u32"),
        optional,
        mask: masked > 0 ? arena.from(mask, [batch, masked], "u32") : undefined,
        length,
      });
      expect(y.dtype).toBe("u32");
      const expected = build([batch, length], (b, l) => {
        return Number((l >= optional || keep[b] === 1) && (l >= masked || mask[b * masked + l] === 1));
      });
      expect([...(await y.read())]).toEqual([...expected]);
    });

    test("refuses arguments that do not fit", () => {
      const keep = arena.from([1, 1], [2], "u32");
      const mask = (shape: readonly number[]) => arena.from(new Uint32Array(shape[0]! * shape[1]!), shape, "u32");
      expect(() => visibleTokens({ keepMask: make([2]).tensor, optional: 1, length: 4 })).toThrow(/keepMask is f/);
      expect(() => visibleTokens({ keepMask: keep, optional: 1, mask: mask([3, 4]), length: 8 })).toThrow(ShapeError);
      expect(() => visibleTokens({ keepMask: keep, optional: 1, mask: mask([2, 9]), length: 8 })).toThrow(
        /expected \[2, <= 8\]/,
      );
    });
  });
});
