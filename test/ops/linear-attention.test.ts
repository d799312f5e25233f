import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { linearAttention, type LinearAttentionVariant } from "../../src/ops/linear-attention.js";
import { ShapeError } from "../../src/ops/shape-error.js";
import type { Arena } from "../../src/tensor/arena.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import { expectClose, openTestArena, Random, testableTypes } from "../support/gpu.js";
import * as oracle from "../support/oracle-attention.js";
import { rounded } from "../support/rounded.js";

// Relative to the largest value. f32: two softmaxes, with some roundings that WGSL allows for exp, and sums over
// positions; measured 8e-7. f16: only the rounding of the result, at most 2^-11, because inputs are already rounded and
// everything else is f32. Factors make results smaller than 6e-5, where f16 numbers are 2^-24 apart.
const TOLERANCE = { f32: 3e-6, f16: 5e-4 } as const;
const SUBNORMAL_ROUNDING = 2 ** -25;

const types = await testableTypes();

describe.each(types)("linear attention in %s", (dtype: ComputeType) => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await openTestArena(dtype);
  });
  afterEach(() => arena.checkGuards());

  interface Case {
    readonly shape: readonly [batch: number, height: number, width: number];
    readonly heads: number;
    readonly dimHead: number;
    readonly variant: LinearAttentionVariant;
  }

  const random = new Random(20);
  const variants = ["plain", "v_hw", "l2v_sqrt"] as const;
  const cases: Case[] = [
    { shape: [1, 1, 1], heads: 1, dimHead: 4, variant: "plain" },
    // Edges of a chunk of 64 positions.
    { shape: [1, 7, 9], heads: 2, dimHead: 8, variant: "plain" },
    { shape: [2, 8, 8], heads: 1, dimHead: 32, variant: "v_hw" },
    { shape: [2, 5, 13], heads: 3, dimHead: 16, variant: "l2v_sqrt" },
    { shape: [2, 32, 32], heads: 2, dimHead: 32, variant: "l2v_sqrt" },
    // More than 16 chunks of 64 positions, not evenly divided.
    { shape: [1, 41, 37], heads: 1, dimHead: 64, variant: "plain" },
    // Heads that end within a vec4, and heads in two and more slabs.
    { shape: [2, 3, 5], heads: 3, dimHead: 1, variant: "l2v_sqrt" },
    { shape: [2, 3, 5], heads: 3, dimHead: 6, variant: "plain" },
    { shape: [1, 9, 9], heads: 2, dimHead: 5, variant: "l2v_sqrt" },
    { shape: [2, 3, 5], heads: 2, dimHead: 130, variant: "l2v_sqrt" },
    { shape: [1, 9, 9], heads: 1, dimHead: 160, variant: "v_hw" },
    { shape: [1, 2, 3], heads: 1, dimHead: 300, variant: "plain" },
    { shape: [1, 1, 2], heads: 1, dimHead: 1024, variant: "plain" },
    ...Array.from({ length: 6 }, (): Case => ({
      shape: [random.integer(1, 3), random.integer(1, 9), random.integer(1, 9)],
      heads: random.integer(1, 4),
      dimHead: random.integer(1, 40),
      variant: random.pick(variants),
    })),
    ...Array.from({ length: 6 }, (): Case => ({
      shape: [random.integer(1, 3), random.integer(1, 15), random.integer(1, 15)],
      heads: random.integer(1, 4),
      dimHead: 32,
      variant: random.pick(variants),
    })),
  ];

  test.each(cases)("%j", async ({ shape, heads, dimHead, variant }) => {
    const [batch, height, width] = shape;
    const positions = height * width;
    const inner = heads * oracle.paddedHead(dimHead);
    const channels = 3 * inner;
    const values = oracle.clearPadding(rounded(random.normals(batch * positions * channels, 2), dtype), {
      channels,
      offset: 0,
      heads: 3 * heads,
      dimHead,
    });
    const y = linearAttention(arena.from(values, [...shape, channels]), {
      heads,
      dimHead,
      variant,
    });
    expect(y.shape).toEqual([...shape, inner]);
    const expected = oracle.linearAttention(values, [batch, positions], { heads, dimHead, variant });
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const subnormal = dtype === "f16" ? SUBNORMAL_ROUNDING / largest : 0;
    expectClose(await y.read(), expected, { maxRelative: TOLERANCE[dtype] + subnormal });
  });

  test("keys too large for exp, in chunks with different maxima", async () => {
    const [positions, dimHead] = [200, 8];
    const values = rounded(random.normals(positions * 3 * dimHead, 100), dtype);
    const y = await linearAttention(arena.from(values, [1, positions, 3 * dimHead]), {
      heads: 1,
      dimHead,
      variant: "plain",
    }).read();
    const expected = oracle.linearAttention(values, [1, positions], { heads: 1, dimHead, variant: "plain" });
    expectClose(y, expected, { maxRelative: TOLERANCE[dtype] });
  });

  test("queries far below zero in heads that end in padding", async () => {
    const [positions, dimHead] = [3, 5];
    const channels = 3 * oracle.paddedHead(dimHead);
    const place = { channels, offset: 0, heads: 3, dimHead };
    const low = random.normals(positions * channels).map((value, i) => (i % channels < dimHead ? value - 200 : value));
    const values = oracle.clearPadding(rounded(low, dtype), place);
    const options = { heads: 1, dimHead, variant: "plain" } as const;
    const y = await linearAttention(arena.from(values, [1, positions, 1, channels]), options).read();
    expectClose(y, oracle.linearAttention(values, [1, positions], options), { maxRelative: TOLERANCE[dtype] });
  });

  test("values of length zero", async () => {
    const values = new Float32Array(2 * 2 * 12).fill(1).map((one, i) => (i % 12 >= 8 ? 0 : one));
    const options = { heads: 1, dimHead: 4, variant: "l2v_sqrt" } as const;
    const y = await linearAttention(arena.from(values, [1, 2, 2, 12]), options).read();
    expect([...y]).toEqual(Array<number>(16).fill(0));
  });

  test("refuses channels that are not three times the heads", () => {
    const x = arena.from(new Float32Array(4 * 8), [1, 2, 2, 8]);
    const options = { heads: 1, dimHead: 4, variant: "plain" } as const;
    expect(() => linearAttention(x, options)).toThrow(ShapeError);
    expect(() => linearAttention(x, { ...options, dimHead: 1025 })).toThrow(/dimHead is 1025; expected at most 1024/);
  });
});
