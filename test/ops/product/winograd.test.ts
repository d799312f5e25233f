import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GpuDevice } from "../../../src/gpu/device.js";
import { openGpu } from "../../../src/gpu/open.js";
import type { WinogradForm } from "../../../src/gpu/tuning.js";
import type { Activation } from "../../../src/ops/activation.js";
import { transformFilters } from "../../../src/ops/product/winograd-filters.js";
import { winogradConv2d, winogradNumbers } from "../../../src/ops/product/winograd.js";
import { packRows } from "../../../src/ops/pack.js";
import { Arena } from "../../../src/tensor/arena.js";
import { padChannels, type ComputeType } from "../../../src/tensor/dtype.js";
import { fromHalf, toHalf } from "../../../src/tensor/half.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { expectClose, Random, testableTypes } from "../../support/gpu.js";
import { conv64, type ConvCase } from "../../support/oracle-gemm.js";

let gpu: GpuDevice;
const types = await testableTypes();
beforeAll(async () => {
  // No rule is for few rows: products of few tiles use that for the fewest.
  const products = [
    { kernel: "broadcast", ownRows: 4, minRows: 100 },
    { kernel: "broadcast", ownRows: 2, minRows: 48 },
    { kernel: "broadcast", ownRows: 1, minRows: 16 },
    { kernel: "direct" },
  ] as const;
  gpu = await openGpu({ tuning: { id: "forced", products } });
});
afterAll(() => {
  gpu.dispose();
});

const exact = (random: Random, count: number, scale = 1): Float32Array =>
  random.normals(count, scale).map((value) => fromHalf(toHalf(value)));

/** Transforms a torch weight `[out, in, 3, 3]`, whose values are exact in both types. */
function filtersOf(arena: Arena, w: Float32Array, c: ConvCase, form: WinogradForm, dtype: ComputeType): Tensor {
  const { inputs, outputs } = c;
  const filters = arena.adopt(arena.packed([winogradNumbers(form).points, inputs, outputs], "f32"));
  const values = new Float32Array(padChannels(w.length));
  values.set(w);
  const weight = arena.adopt(arena.packed([3, 3, inputs, outputs], dtype));
  packRows(arena.from(values, [values.length], "f32"), weight, { firstRow: 0, rows: outputs, inputs, taps: 9 });
  transformFilters(weight, filters, form);
  return filters;
}

interface Case extends ConvCase {
  readonly activation: Activation;
  readonly hasBias: boolean;
  readonly hasResidual: boolean;
}

const random = new Random(7);
const cases = Array.from({ length: 6 }, (_, i): Case => {
  const small = i < 2;
  return {
    batch: random.integer(1, 3),
    height: small ? i + 1 : random.integer(3, 21),
    width: small ? random.integer(1, 3) : random.integer(3, 21),
    inputs: random.integer(1, 40),
    outputs: random.integer(1, 40),
    kernel: [3, 3],
    stride: 1,
    padding: 1,
    activation: random.pick(["none", "silu"]),
    hasBias: i % 2 === 0,
    hasResidual: i % 3 !== 0,
  };
});

// Rounding errors of the transforms are a few times those of the sums: 1e-6 was the largest of F(2×2), 3e-6 of F(4×4).
// In f16 only the stored result rounds, as in test/ops/gemm.test.ts.
const bounds = {
  f32: { f2: { maxRelative: 1e-5 }, f4: { maxRelative: 1e-5 } },
  f16: { f2: { maxRelative: 6e-4 }, f4: { maxRelative: 6e-4 } },
} as const;

interface Storage {
  readonly dtype?: ComputeType;
  readonly weights?: ComputeType;
  readonly maxBindingSize?: number;
}

async function convolve(c: Case, form: WinogradForm, { dtype = "f32", weights = "f32", maxBindingSize }: Storage) {
  const { batch, height, width, inputs, outputs, activation } = c;
  using stream = gpu.stream(maxBindingSize === undefined ? {} : { maxBindingSize });
  const arena = new Arena(stream, dtype, { guards: true });
  const values = new Random(batch * height * inputs + outputs);
  const x = exact(values, batch * height * width * inputs);
  const w = exact(values, outputs * inputs * 9, (inputs * 9) ** -0.5);
  const bias = c.hasBias ? exact(values, outputs) : undefined;
  const residual = c.hasResidual ? exact(values, batch * height * width * outputs) : undefined;
  const y = arena.scope(() =>
    winogradConv2d(arena.from(x, [batch, height, width, inputs]), filtersOf(arena, w, c, form, weights), form, {
      activation,
      bias: bias && arena.from(bias, [outputs], "f32"),
      residual: residual && arena.from(residual, [batch, height, width, outputs]),
    }),
  );
  const result = await y.read();
  await arena.checkGuards();
  return { result, expected: () => conv64(x, w, c, { activation, bias, residual }) };
}

describe.each(["f2", "f4"] as const)("winogradConv2d by %s", (form) => {
  it.each(cases.flatMap((c) => types.map((dtype) => ({ ...c, dtype }))))(
    "$batch×$height×$width×$inputs to $outputs in $dtype",
    async ({ dtype, ...c }) => {
      // Both formats of weights: they are the same values.
      const weights = c.hasBias ? "f16" : "f32";
      const { result, expected } = await convolve(c, form, { dtype, weights });
      expectClose(result, expected(), bounds[dtype][form]);
    },
  );

  it("computes the same bits in parts", async () => {
    // The transformed tiles of a workgroup must fit: of F(4×4), 36 · 24 · 4 bytes for each lane.
    const { lanes = 8 } = gpu.adapter;
    for (const limit of [65536, Math.max(50000, 3500 * lanes)]) {
      const c = { ...cases[5]!, batch: 3, height: 20, width: 5, inputs: 9, outputs: 21 };
      const { dispatches } = gpu.counters;
      const whole = await convolve(c, form, {});
      const once = gpu.counters.dispatches - dispatches;
      const parts = await convolve(c, form, { maxBindingSize: limit });
      expect(gpu.counters.dispatches - dispatches - once).toBeGreaterThan(once);
      expect(parts.result).toEqual(whole.result);
    }
  });
});

it("names filters of another size", () => {
  using stream = gpu.stream();
  const arena = new Arena(stream);
  const filters = arena.adopt(arena.packed([16, 4, 8], "f32"));
  expect(() => winogradConv2d(arena.empty([1, 4, 4, 8]), filters, "f2")).toThrow(/conv2d: filters/);
  expect(() => winogradConv2d(arena.empty([1, 4, 4, 4]), filters, "f4")).toThrow(/conv2d: filters/);
});
