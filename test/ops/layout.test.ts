import { afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  broadcastBatch,
  cast,
  concatBatch,
  concatChannels,
  concatTokens,
  padTokens,
  repeatBatch,
  selectBatch,
  sliceChannels,
  sliceTokens,
  splitChannels,
} from "../../src/ops/layout.js";
import { ShapeError } from "../../src/ops/shape-error.js";
import { Arena } from "../../src/tensor/arena.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { expectClose, openTestArena, Random, sharedGpu, testableTypes } from "../support/gpu.js";
import { build, reader } from "../support/nd.js";
import { rounded } from "../support/rounded.js";

const types = await testableTypes();

describe.each(types)("layout in %s", (dtype: ComputeType) => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await openTestArena(dtype);
  });
  afterEach(() => arena.checkGuards());

  const random = new Random(11);

  /** Returns a random tensor and a reader of its values. */
  function make(shape: readonly number[]): { tensor: Tensor; at: (...index: number[]) => number } {
    const size = shape.reduce((product, axis) => product * axis, 1);
    const values = rounded(random.normals(size), dtype);
    return { tensor: arena.from(values, shape), at: reader(values, shape) };
  }

  // Copies are exact, so results must be equal.
  async function expectSame(tensor: Tensor, shape: readonly number[], at: (...index: number[]) => number) {
    expect(tensor.shape).toEqual(shape);
    expect(tensor.dtype).toBe(dtype);
    expect([...(await tensor.read())]).toEqual([...build(shape, at)]);
  }

  test.each([
    [1, 5],
    [2, 4],
    [2, 6],
    [3, 5],
    [4, 1],
    [7, 13],
  ])("splitChannels into %i of %i", async (count, channels) => {
    const { tensor, at } = make([3, count * channels]);
    const y = splitChannels(tensor, count);
    await expectSame(y, [3, count, channels], (b, token, c) => at(b, token * channels + c));
  });

  const channelCases = [
    [4, 8],
    [8, 4, 12],
    [3, 3],
    [3, 3, 3],
    [1, 1, 1, 1, 1],
    [5, 4, 2],
    [4, 3, 4],
    [64, 1],
    [7],
    ...Array.from({ length: 8 }, () => Array.from({ length: random.integer(2, 5) }, () => random.integer(1, 14))),
  ];

  test.each(channelCases.map((channels) => ({ channels })))("concatChannels $channels", async ({ channels }) => {
    const outer = [random.integer(1, 3), random.integer(1, 5), random.integer(1, 5)];
    const parts = channels.map((count) => make([...outer, count]));
    const owners = channels.flatMap((count, part) => Array.from({ length: count }, (_, c) => ({ part, c })));
    const y = concatChannels(parts.map(({ tensor }) => tensor));
    await expectSame(y, [...outer, owners.length], (b, h, w, c) => {
      const owner = owners[c]!;
      return parts[owner.part]!.at(b, h, w, owner.c);
    });
  });

  test.each([[[8, 4]], [[5, 6]]])("concatChannels scales each of %j", async (channels) => {
    const parts = channels.map((count) => make([3, count]));
    const scales = [1, Math.SQRT1_2];
    const y = concatChannels(
      parts.map(({ tensor }) => tensor),
      scales,
    );
    const [first] = channels as [number];
    const expected = build([3, channels[0]! + channels[1]!], (row, c) =>
      c < first ? parts[0]!.at(row, c) : parts[1]!.at(row, c - first) * Math.SQRT1_2,
    );
    // The factor and the product are rounded once each.
    expectClose(await y.read(), expected, { maxRelative: dtype === "f32" ? 1.2e-7 : 5e-4 });
  });

  test.each([
    { lengths: [2, 4, 1], channels: 8 },
    { lengths: [1, 1], channels: 3 },
    { lengths: [1, 77, 1, 1], channels: 13 },
    { lengths: [0, 3], channels: 4 },
    { lengths: [6], channels: 5 },
  ])("concatTokens $lengths of $channels channels", async ({ lengths, channels }) => {
    const batch = random.integer(1, 3);
    const parts = lengths.map((length) => make([batch, length, channels]));
    const owners = lengths.flatMap((length, part) => Array.from({ length }, (_, l) => ({ part, l })));
    const y = concatTokens(parts.map(({ tensor }) => tensor));
    await expectSame(y, [batch, owners.length, channels], (b, l, c) => {
      const owner = owners[l]!;
      return parts[owner.part]!.at(b, owner.l, c);
    });
  });

  test.each([
    [12, 0, 12],
    [12, 4, 8],
    [12, 4, 7],
    [12, 3, 8],
    [12, 11, 12],
    [12, 5, 5],
    [7, 1, 7],
    [6, 0, 3],
    [6, 3, 6],
    [5, 2, 4],
  ])("sliceChannels of %i from %i to %i", async (channels, start, end) => {
    const { tensor, at } = make([2, 3, channels]);
    await expectSame(sliceChannels(tensor, start, end), [2, 3, end - start], (b, l, c) => at(b, l, start + c));
  });

  test.each([
    [9, 0, 9, 4],
    [9, 2, 5, 6],
    [9, 8, 9, 3],
    [9, 4, 4, 8],
  ])("sliceTokens of %i from %i to %i, %i channels", async (length, start, end, channels) => {
    const { tensor, at } = make([3, length, channels]);
    const expected = [3, end - start, channels];
    await expectSame(sliceTokens(tensor, start, end), expected, (b, l, c) => at(b, start + l, c));
  });

  test.each([
    [5, 9, 8],
    [5, 5, 3],
    [0, 4, 6],
    [1, 2, 1],
  ])("padTokens from %i to %i, %i channels", async (length, padded, channels) => {
    const { tensor, at } = make([2, length, channels]);
    const expected = [2, padded, channels];
    await expectSame(padTokens(tensor, padded), expected, (b, l, c) => (l < length ? at(b, l, c) : 0));
  });

  test.each([[[2, 3, 5, 6]], [[1, 4]], [[3, 7]]])("repeatBatch and selectBatch of %j", async (shape) => {
    const { tensor, at } = make(shape);
    const [batch, ...rest] = shape as [number, ...number[]];
    const repeated = repeatBatch(tensor, 3);
    await expectSame(repeated, [3 * batch, ...rest], (b, ...index) => at(b % batch, ...index));
    const part = selectBatch(repeated, batch, 2 * batch + 1);
    await expectSame(part, [batch + 1, ...rest], (b, ...index) => at(b % batch, ...index));
  });

  test.each([[[2, 3, 5]], [[1, 4]], [[3, 7]]])("concatBatch of %j and another", async (shape) => {
    const [batch, ...rest] = shape as [number, ...number[]];
    const [a, b] = [make(shape), make([2, ...rest])];
    await expectSame(concatBatch(a.tensor, b.tensor), [batch + 2, ...rest], (sample, ...index) =>
      sample < batch ? a.at(sample, ...index) : b.at(sample - batch, ...index),
    );
  });

  test("broadcastBatch repeats one sample", async () => {
    const { tensor, at } = make([1, 2, 5]);
    await expectSame(broadcastBatch(tensor, 4), [4, 2, 5], (_, l, c) => at(0, l, c));
    expect(() => broadcastBatch(repeatBatch(tensor, 2), 4)).toThrow(ShapeError);
  });

  test("refuses arguments that do not fit", () => {
    const { tensor } = make([2, 3, 5]);
    const other = make([2, 4, 5]).tensor;
    expect(() => concatChannels([])).toThrow(/concatChannels: tensors is an empty list/);
    expect(() => concatChannels([tensor, other])).toThrow(/tensors\[1\] is \w+ \[2, 4, 5\]; expected \w+ \[2, 3, 5\]/);
    expect(() => concatTokens([tensor, make([2, 3, 4]).tensor])).toThrow(ShapeError);
    expect(() => concatBatch(tensor, other)).toThrow(ShapeError);
    expect(() => concatTokens([make([2, 5]).tensor])).toThrow(ShapeError);
    expect(() => sliceChannels(tensor, 2, 6)).toThrow(/range is 2 to 6; expected a range within axis 2, of size 5/);
    expect(() => sliceTokens(tensor, -1, 2)).toThrow(ShapeError);
    expect(() => selectBatch(tensor, 0.5, 2)).toThrow(ShapeError);
    expect(() => padTokens(tensor, 2)).toThrow(ShapeError);
    expect(() => repeatBatch(arena.from([1, 0], [1, 2], "u32"), 2)).toThrow(/f32 or f16/);
  });
});

test("tensors with more workgroups than the limit of a dimension", async () => {
  const arena = new Arena((await sharedGpu()).stream());
  // 132000 rows of 32 vec4s: 66000 workgroups of 64.
  const row = new Random(13).normals(256);
  using last = arena.scope(() => selectBatch(repeatBatch(arena.from(row, [2, 128]), 66_000), 131_999, 132_000));
  expect([...(await last.read())]).toEqual([...row.slice(128)]);
});

describe.runIf(types.includes("f16"))("cast", () => {
  test("converts between f32 and f16, rounding to one of the two neighbours", async () => {
    const arena = await openTestArena("f32");
    const values = new Random(12).normals(3 * 7, 100);
    const x = arena.from(values, [3, 7]);
    const half = cast(x, "f16");
    expect(half.dtype).toBe("f16");
    expect(cast(half, "f16")).toBe(half);
    const back = cast(half, "f32");
    expect(back.dtype).toBe("f32");
    const halves = await half.read();
    expect([...(await back.read())]).toEqual([...halves]);
    // WGSL does not define the direction of rounding: the error is below one unit in the last of 11 bits.
    const errors = halves.map((half, i) => Math.abs(half / values[i]! - 1));
    expect(Math.max(...errors)).toBeLessThan(2 ** -10);
    const exact = rounded(values, "f16");
    expect([...(await cast(arena.from(exact, [3, 7]), "f16").read())]).toEqual([...exact]);
    await arena.checkGuards();
  });
});
