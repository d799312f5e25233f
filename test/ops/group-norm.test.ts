import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { GpuDevice } from "../../src/gpu/device.js";
import { openGpu } from "../../src/gpu/open.js";
import { portableTable, type GroupNormRule } from "../../src/gpu/tuning.js";
import { groupNorm } from "../../src/ops/group-norm.js";
import { ShapeError } from "../../src/ops/shape-error.js";
import { Arena } from "../../src/tensor/arena.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { expectClose, Random, testableTypes } from "../support/gpu.js";
import { rounded } from "../support/rounded.js";
import * as oracle from "../support/oracle-norm.js";

// Relative to the largest value. f32: a few roundings (6e-8 each) of sums and of the normalised value; measured up to
// 5e-7. f16: the input is already rounded, so the only error is the rounding of the result, at most 2^-11 = 4.9e-4.
const TOLERANCE = { f32: 1e-6, f16: 5e-4 } as const;
/** Standard deviation of the inputs. */
const SPREAD = 2;

const types = await testableTypes();
const rules: GroupNormRule[] = [
  { kernel: "chunked" },
  ...[4, 8, 64].map((invocations): GroupNormRule => ({ kernel: "whole", invocations })),
];
const variants = rules.flatMap((rule) => types.map((dtype) => ({ ...rule, dtype })));

/** Rows with values before them that no norm reads. */
function behind(values: readonly number[] | Float32Array, rows: number, before: number): number[] {
  const size = values.length / rows;
  return Array.from({ length: rows }, (_, row) => [
    ...new Array<number>(before).fill(99),
    ...values.slice(row * size, (row + 1) * size),
  ]).flat();
}

describe.each(variants)("group norm by %j", ({ dtype, ...rule }) => {
  let gpu: GpuDevice;
  let arena: Arena;
  beforeAll(async () => {
    gpu = await openGpu({ tuning: { ...portableTable, groupNorm: [rule] } });
    arena = new Arena(gpu.stream(), dtype, { guards: true });
  });
  afterEach(() => arena.checkGuards());
  afterAll(() => {
    gpu.dispose();
  });

  const normals = (random: Random, count: number) => rounded(random.normals(count), dtype);

  interface GroupCase {
    readonly shape: readonly [batch: number, height: number, width: number, channels: number];
    readonly groups: number;
    readonly modulated: boolean;
    readonly activation: "none" | "silu";
    readonly mean?: number;
  }

  const random = new Random(1);
  const edges: GroupCase[] = [
    { shape: [1, 1, 1, 4], groups: 1, modulated: false, activation: "none" },
    { shape: [1, 1, 1, 8], groups: 8, modulated: true, activation: "silu" },
    { shape: [2, 3, 5, 8], groups: 4, modulated: true, activation: "silu" },
    { shape: [3, 4, 4, 6], groups: 3, modulated: true, activation: "none" },
    { shape: [1, 5, 3, 7], groups: 7, modulated: false, activation: "silu" },
    { shape: [2, 7, 3, 40], groups: 4, modulated: true, activation: "silu" },
    { shape: [2, 5, 4, 20], groups: 2, modulated: true, activation: "silu" },
    { shape: [2, 3, 4, 36], groups: 12, modulated: true, activation: "none" },
    { shape: [2, 16, 16, 24], groups: 8, modulated: false, activation: "silu" },
    { shape: [1, 17, 15, 40], groups: 8, modulated: true, activation: "silu" },
    { shape: [1, 64, 64, 32], groups: 8, modulated: true, activation: "silu" },
    // A mean far from zero loses f32 digits unless the variance is centred.
    { shape: [2, 9, 9, 16], groups: 8, modulated: false, activation: "none", mean: 64 },
  ];
  const randomCases = Array.from({ length: 8 }, (): GroupCase => {
    const groups = random.integer(1, 8);
    return {
      shape: [random.integer(1, 3), random.integer(1, 20), random.integer(1, 20), groups * random.integer(1, 9)],
      groups,
      modulated: random.next() < 0.5,
      activation: random.pick(["none", "silu"]),
    };
  });

  test.each([...edges, ...randomCases])("$shape, $groups groups, $activation", async (c) => {
    const [batch, height, width, channels] = c.shape;
    const values = rounded(
      random.normals(batch * height * width * channels, SPREAD).map((value) => value + (c.mean ?? 0.5)),
      dtype,
    );
    const weight = random.normals(channels);
    const bias = random.normals(channels);
    const before = 4 * random.integer(0, 2);
    const scaleShift = c.modulated ? normals(random, batch * 2 * channels) : undefined;
    const residual = c.modulated ? normals(random, values.length) : undefined;
    const y = groupNorm(arena.from(values, c.shape), {
      groups: c.groups,
      weight: arena.from(weight, [channels], "f32"),
      bias: arena.from(bias, [channels], "f32"),
      scaleShift: scaleShift && arena.from(behind(scaleShift, batch, before), [batch, before + 2 * channels]),
      scaleShiftStart: before,
      residual: residual && arena.from(residual, c.shape),
      activation: c.activation,
    });
    const expected = oracle
      .groupNorm(values, [batch, height * width, channels], {
        ...c,
        weight,
        bias,
        eps: 1e-5,
        scaleShift,
      })
      .map((value, i) => value + (residual?.[i] ?? 0));
    // The mean is rounded to f32, by up to 2^-24 of itself; the normalised values carry that error, in units of the spread.
    const ofMean = ((c.mean ?? 0) * 2 ** -24) / SPREAD;
    expectClose(await y.read(), expected, { maxRelative: TOLERANCE[dtype] + ofMean });
  });

  test("refuses scales and shifts that are not there", () => {
    const [weight, bias] = [8, 8].map((size) => arena.from(new Float32Array(size), [size], "f32")) as [Tensor, Tensor];
    const x = arena.from(new Float32Array(32), [1, 2, 2, 8]);
    const norm = (channels: number, scaleShiftStart: number) =>
      groupNorm(x, {
        groups: 4,
        weight,
        bias,
        scaleShift: arena.from(new Float32Array(channels), [1, channels]),
        scaleShiftStart,
      });
    expect(() => norm(16, 4)).toThrow("scaleShift is [1, 16]; expected [1, 20 or more]");
    expect(() => norm(20, 2)).toThrow(ShapeError);
  });

  test("refuses groups that do not divide the channels", () => {
    const vector = arena.from(new Float32Array(6), [6], "f32");
    expect(() =>
      groupNorm(arena.from(new Float32Array(24), [1, 2, 2, 6]), { groups: 4, weight: vector, bias: vector }),
    ).toThrow(ShapeError);
  });
});
