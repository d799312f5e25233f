import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { GpuDevice } from "../../src/gpu/device.js";
import { openGpu } from "../../src/gpu/open.js";
import { portableTable, type AttentionRule } from "../../src/gpu/tuning.js";
import { attention, prepareHeads } from "../../src/ops/attention.js";
import { ShapeError } from "../../src/ops/shape-error.js";
import { Arena } from "../../src/tensor/arena.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import { attend, type AttentionShape } from "../support/attention-case.js";
import { expectClose, openTestArena, Random, sharedGpu, testableTypes } from "../support/gpu.js";
import * as oracle from "../support/oracle-attention.js";
import { rounded } from "../support/rounded.js";

// Relative to the largest value. f32: WGSL allows exp an error of 3 + 2|x| roundings (6e-8 each), and scores differ by
// ten and more; measured 1.1e-6. f16: inputs are already rounded, so the only error is the rounding of the result,
// 2^-11.
const TOLERANCE = { f32: 5e-6, f16: 5e-4 } as const;

const types = await testableTypes();

/** Rules for kernels of attention that this machine's adapter can run, one for each variant. */
const { subgroups } = (await sharedGpu()).features;
const rules: AttentionRule[] = [
  { kernel: "direct" },
  ...(subgroups ? [1, 2, 4] : []).map((ownKeys): AttentionRule => ({ kernel: "broadcast", ownKeys })),
  ...(subgroups ? [{ kernel: "team" } as const] : []),
];
const variants = rules.flatMap((rule) => types.map((dtype) => ({ ...rule, dtype })));

describe.each(variants)("attention by %j", ({ dtype, ...rule }) => {
  let gpu: GpuDevice;
  let arena: Arena;
  beforeAll(async () => {
    gpu = await openGpu({ tuning: { ...portableTable, attention: [rule] } });
    arena = new Arena(gpu.stream(), dtype, { guards: true });
  });
  afterEach(() => arena.checkGuards());
  afterAll(() => {
    gpu.dispose();
  });

  const random = new Random(10);
  const cases: AttentionShape[] = [
    { batch: 1, queries: 1, keys: 1, heads: 1, kvHeads: 1, dimHead: 4 },
    // Edges of the blocks of four keys and of the workgroup of 32 queries.
    { batch: 2, queries: 31, keys: 3, heads: 2, kvHeads: 2, dimHead: 8, offset: 4 },
    { batch: 1, queries: 9, keys: 20, heads: 4, kvHeads: 1, dimHead: 32, offset: 4, nullKv: true },
    { batch: 1, queries: 32, keys: 4, heads: 2, kvHeads: 1, dimHead: 16, nullKv: true },
    { batch: 1, queries: 33, keys: 5, heads: 2, kvHeads: 2, dimHead: 12, mask: true },
    { batch: 2, queries: 33, keys: 33, heads: 4, kvHeads: 4, dimHead: 16, causal: true },
    { batch: 2, queries: 37, keys: 37, heads: 3, kvHeads: 1, dimHead: 32, causal: true, nullKv: true, bias: true },
    // The last tokens of a sequence.
    { batch: 2, queries: 4, keys: 37, heads: 3, kvHeads: 1, dimHead: 32, causal: true, nullKv: true, bias: true },
    { batch: 8, queries: 4, keys: 81, heads: 2, kvHeads: 1, dimHead: 16, causal: true, nullKv: true, bias: true },
    { batch: 2, queries: 35, keys: 81, heads: 2, kvHeads: 2, dimHead: 12, causal: true, bias: true, mask: true },
    { batch: 3, queries: 9, keys: 17, heads: 4, kvHeads: 2, dimHead: 64, nullKv: true, mask: true },
    { batch: 1, queries: 70, keys: 130, heads: 2, kvHeads: 1, dimHead: 64, nullKv: true },
    { batch: 1, queries: 6, keys: 300, heads: 1, kvHeads: 1, dimHead: 128 },
    // Edges of the tiles of keys and of the blocks of rows, with one head of keys for several heads of queries.
    { batch: 2, queries: 11, keys: 15, heads: 3, kvHeads: 1, dimHead: 8, nullKv: true, bias: true },
    { batch: 1, queries: 17, keys: 17, heads: 8, kvHeads: 2, dimHead: 8, causal: true, mask: true },
    // Heads that end within a vec4, and heads in two and more slabs.
    { batch: 2, queries: 5, keys: 5, heads: 3, kvHeads: 3, dimHead: 1 },
    { batch: 1, queries: 34, keys: 34, heads: 3, kvHeads: 1, dimHead: 6, causal: true, nullKv: true, bias: true },
    { batch: 2, queries: 9, keys: 7, heads: 4, kvHeads: 2, dimHead: 5, nullKv: true, mask: true },
    { batch: 2, queries: 9, keys: 7, heads: 2, kvHeads: 2, dimHead: 130, nullKv: true, mask: true },
    { batch: 2, queries: 70, keys: 70, heads: 2, kvHeads: 1, dimHead: 160, causal: true, nullKv: true, bias: true },
    { batch: 1, queries: 3, keys: 9, heads: 1, kvHeads: 1, dimHead: 256 },
    { batch: 2, queries: 3, keys: 9, heads: 2, kvHeads: 1, dimHead: 521, nullKv: true },
    ...Array.from({ length: 8 }, (): AttentionShape => {
      const kvHeads = random.integer(1, 2);
      const causal = random.next() < 0.5;
      const queries = random.integer(1, 70);
      return {
        batch: random.integer(1, 3),
        queries,
        keys: causal ? queries + (random.next() < 0.5 ? 0 : random.integer(1, 40)) : random.integer(1, 70),
        heads: kvHeads * random.integer(1, 3),
        kvHeads,
        dimHead: 32,
        causal,
        nullKv: random.next() < 0.5,
        bias: random.next() < 0.5,
        mask: random.next() < 0.5,
      };
    }),
    ...Array.from({ length: 6 }, (): AttentionShape => {
      const kvHeads = random.integer(1, 2);
      return {
        batch: random.integer(1, 3),
        queries: random.integer(1, 40),
        keys: random.integer(1, 40),
        heads: kvHeads * random.integer(1, 3),
        kvHeads,
        dimHead: random.integer(1, 300),
        nullKv: random.next() < 0.5,
        mask: random.next() < 0.5,
      };
    }),
  ];

  test.each(cases)("%j", async (c) => {
    const { y, expected } = attend(arena, random, c);
    expectClose(await y.read(), expected, { maxRelative: TOLERANCE[dtype] });
  });

  test("the result of a query that sees no key is zero", async () => {
    const tokens = arena.from(random.normals(2 * 3 * 4), [2, 3, 4]);
    const keyMask = arena.from([0, 0, 0, 1, 0, 0], [2, 3], "u32");
    const y = await attention({
      q: tokens,
      k: tokens,
      v: tokens,
      heads: 1,
      kvHeads: 1,
      dimHead: 4,
      scale: 1,
      keyMask,
    }).read();
    expect([...y.slice(0, 12)]).toEqual(Array<number>(12).fill(0));
    expect([...y.slice(12, 16)]).toEqual([...(await tokens.read()).slice(12, 16)]);
  });

  test("scores too large for exp without the running maximum", async () => {
    const values = rounded(random.normals(5 * 8, 30), dtype);
    const tokens = arena.from(values, [1, 5, 8]);
    const heads = { values, length: 5, channels: 8, offset: 0 };
    const y = await attention({ q: tokens, k: tokens, v: tokens, heads: 1, kvHeads: 1, dimHead: 8, scale: 1 }).read();
    const shared = { batch: 1, heads: 1, kvHeads: 1, dimHead: 8, scale: 1, causal: false };
    expectClose(y, oracle.attention({ ...shared, q: heads, k: heads, v: heads }), { maxRelative: TOLERANCE[dtype] });
  });

  test.each(["rise", "fall"])("scores that %s from key to key", async (way) => {
    const [length, channels] = [70, 16];
    const values = rounded(
      random.normals(length * channels, 0.3).map((value, i) => {
        const key = Math.floor(i / channels);
        // Scores of 0 to 60, the first 16 of them nearly equal.
        return value + Math.max(0, way === "rise" ? key - 16 : length - key) / 14;
      }),
      dtype,
    );
    const queries = rounded(
      new Float32Array(length * channels).fill(1).map((one, i) => one + (i % 7) / 8),
      dtype,
    );
    const of = (data: Float32Array) => ({ values: data, length, channels, offset: 0 });
    const [q, k] = [arena.from(queries, [1, length, channels]), arena.from(values, [1, length, channels])];
    const shared = { heads: 2, kvHeads: 2, dimHead: 8, scale: 1.25 };
    const y = await attention({ ...shared, q, k, v: k }).read();
    const expected = oracle.attention({
      ...shared,
      batch: 1,
      causal: false,
      q: of(queries),
      k: of(values),
      v: of(values),
    });
    expectClose(y, expected, { maxRelative: TOLERANCE[dtype] });
  });

  test("names arguments that do not fit", () => {
    const tokens = arena.from(new Float32Array(2 * 3 * 8), [2, 3, 8]);
    const options = { q: tokens, k: tokens, v: tokens, heads: 2, kvHeads: 2, dimHead: 4, scale: 1 };
    const other = arena.from(new Float32Array(2 * 4 * 8), [2, 4, 8]);
    expect(() => attention({ ...options, dimHead: 6 })).toThrow(ShapeError);
    expect(() => attention({ ...options, dimHead: 2.5 })).toThrow(/dimHead is 2.5; expected a whole number above 0/);
    expect(() => attention({ ...options, vOffset: 4 })).toThrow(/attention: v is/);
    expect(() => attention({ ...options, v: other })).toThrow(/attention: v is \[2, 4, 8\]; expected \[2, 3, 8\]/);
    expect(() => attention({ ...options, q: other, causal: true })).toThrow(
      /at least 4 keys, because attention is causal/,
    );
    const keyMask = arena.from(new Float32Array(6), [2, 3], "f32");
    expect(() => attention({ ...options, keyMask })).toThrow(/attention: keyMask is f32; expected u32/);
  });
});

describe.each(types)("in %s", (dtype: ComputeType) => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await openTestArena(dtype);
  });
  afterEach(() => arena.checkGuards());

  const random = new Random(11);

  describe("prepareHeads", () => {
    const headCases = [
      { batch: 1, length: 1, heads: 1, dimHead: 4, pairs: 0, l2norm: true },
      { batch: 2, length: 3, heads: 2, dimHead: 8, pairs: 3, l2norm: false },
      { batch: 2, length: 9, heads: 3, dimHead: 32, pairs: 16, l2norm: true },
      { batch: 1, length: 80, heads: 12, dimHead: 64, pairs: 16, l2norm: true },
      { batch: 2, length: 5, heads: 2, dimHead: 16, pairs: 8, l2norm: false, halves: true },
      { batch: 1, length: 7, heads: 3, dimHead: 12, pairs: 3, l2norm: true, halves: true },
      { batch: 1, length: 5, heads: 1, dimHead: 128, pairs: 0, l2norm: false },
      { batch: 2, length: 5, heads: 3, dimHead: 5, pairs: 2, l2norm: true },
      { batch: 2, length: 5, heads: 3, dimHead: 6, pairs: 3, l2norm: true },
      { batch: 2, length: 5, heads: 3, dimHead: 6, pairs: 3, l2norm: true, halves: true },
      { batch: 1, length: 3, heads: 2, dimHead: 1, pairs: 0, l2norm: true },
      { batch: 1, length: 3, heads: 2, dimHead: 162, pairs: 16, l2norm: true },
    ];

    test.each(headCases)("%j", async ({ batch, length, heads, dimHead, pairs, l2norm, halves = false }) => {
      const x = { length, channels: heads * oracle.paddedHead(dimHead) + 6, offset: 4 };
      const values = oracle.clearPadding(rounded(random.normals(batch * length * x.channels), dtype), {
        ...x,
        heads,
        dimHead,
      });
      const angles = Float64Array.from({ length: length * pairs }, () => 2 * Math.PI * random.next());
      const cos = Float32Array.from(angles, Math.cos);
      const sin = Float32Array.from(angles, Math.sin);
      const table = (data: Float32Array) => arena.from(data, [length, pairs], "f32");
      const y = prepareHeads(arena.from(values, [batch, length, x.channels]), {
        offset: x.offset,
        heads,
        dimHead,
        l2norm,
        scale: 4,
        rotary: pairs > 0 ? { cos: table(cos), sin: table(sin), pairs: halves ? "halves" : "neighbours" } : undefined,
      });
      const expected = oracle.prepareHeads(
        batch,
        { ...x, values },
        { heads, dimHead, pairs, halves, cos, sin, l2norm, scale: 4 },
      );
      expectClose(await y.read(), expected, { maxRelative: TOLERANCE[dtype] });
    });

    test("accepts tables for more positions than needed", async () => {
      const x = arena.from(random.normals(3 * 4), [1, 3, 4]);
      const angles = Float64Array.from({ length: 5 * 2 }, () => 2 * Math.PI * random.next());
      const table = (of: (angle: number) => number, rows: number) =>
        arena.from(Float32Array.from(angles.subarray(0, rows * 2), of), [rows, 2], "f32");
      const rotated = (rows: number) =>
        prepareHeads(x, { heads: 1, dimHead: 4, rotary: { cos: table(Math.cos, rows), sin: table(Math.sin, rows) } });
      expect([...(await rotated(5).read())]).toEqual([...(await rotated(3).read())]);
      expect(() => rotated(2)).toThrow(ShapeError);
    });

    test("keeps a head of zeros at zero", async () => {
      const y = await prepareHeads(arena.from(new Float32Array(8), [1, 1, 8]), {
        heads: 2,
        dimHead: 4,
        l2norm: true,
      }).read();
      expect([...y]).toEqual(Array<number>(8).fill(0));
    });
  });
});
