import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { GpuDevice } from "../../src/gpu/device.js";
import { l2Norm, layerNorm, weightStandardize } from "../../src/ops/norm.js";
import { Arena } from "../../src/tensor/arena.js";
import { padChannels, type ComputeType } from "../../src/tensor/dtype.js";
import { Tensor } from "../../src/tensor/tensor.js";
import { expectClose, openTestArena, Random, sharedGpu, testableTypes } from "../support/gpu.js";
import { rounded } from "../support/rounded.js";
import * as oracle from "../support/oracle-norm.js";

// Relative to the largest value. f32: a few roundings (6e-8 each) of sums and of the normalised value; measured up to
// 5e-7. f16: the input is already rounded, so the only error is the rounding of the result, at most 2^-11 = 4.9e-4.
const TOLERANCE = { f32: 1e-6, f16: 5e-4 } as const;

const types = await testableTypes();

describe.each(types)("normalisations in %s", (dtype: ComputeType) => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await openTestArena(dtype);
  });
  afterEach(() => arena.checkGuards());

  const normals = (random: Random, count: number, scale = 1) => rounded(random.normals(count, scale), dtype);

  describe("layerNorm", () => {
    const random = new Random(2);
    const cases = [
      { rows: 1, channels: 2 },
      { rows: 1, channels: 4 },
      { rows: 3, channels: 127 },
      { rows: 2, channels: 128 },
      { rows: 5, channels: 129 },
      { rows: 77, channels: 768 },
      ...Array.from({ length: 5 }, () => ({ rows: random.integer(1, 90), channels: random.integer(2, 300) })),
    ];
    const forms = [
      { parameters: "none", stable: false, residual: false },
      { parameters: "gain", stable: true, residual: false },
      { parameters: "affine", stable: false, residual: true },
    ];
    const product = cases.flatMap((c) => forms.map((form) => ({ ...c, ...form })));

    test.each(product)("[$rows, $channels] $parameters, stable $stable, residual $residual", async (c) => {
      const { rows, channels, parameters, stable } = c;
      const values = normals(random, rows * channels, 3);
      const weight = parameters === "none" ? undefined : random.normals(channels);
      const bias = parameters === "affine" ? random.normals(channels) : undefined;
      const residual = c.residual ? normals(random, rows * channels) : undefined;
      const y = layerNorm(arena.from(values, [rows, channels]), {
        weight: weight && arena.from(weight, [channels], "f32"),
        bias: bias && arena.from(bias, [channels], "f32"),
        residual: residual && arena.from(residual, [rows, channels]),
        stable,
        eps: 1e-3,
      });
      const expected = oracle.layerNorm(values, [rows, channels], { weight, bias, residual, stable, eps: 1e-3 });
      expectClose(await y.read(), expected, { maxRelative: TOLERANCE[dtype] });
    });

    test("stable: changes the sign of rows whose largest value is negative and keeps zero rows at zero", async () => {
      const values = [-1, -2, -3, -4, 0, 0, 0, 0, 1, 2, 3, 4];
      const y = await layerNorm(arena.from(values, [3, 4]), { stable: true }).read();
      const expected = oracle.layerNorm(values, [3, 4], { stable: true, eps: 1e-5 });
      expectClose(y, expected, { maxRelative: TOLERANCE[dtype] });
      expect(y[0]).toBeLessThan(0);
      expect([...y.slice(4, 8)]).toEqual([0, 0, 0, 0]);
    });

    test("refuses a gain of the wrong length", () => {
      const weight = arena.from([1, 2, 3, 4], [4], "f32");
      expect(() => layerNorm(arena.empty([2, 8]), { weight })).toThrow(/layerNorm: weight is \[4\]; expected \[8\]/);
    });
  });

  describe("l2Norm", () => {
    const random = new Random(3);
    const cases = [
      [1, 1],
      [1, 5],
      [3, 128],
      [2, 513],
      [40, 64],
    ] as const;

    test.each(cases)("[%i, %i]", async (rows, channels) => {
      const values = normals(random, rows * channels, 5);
      const y = await l2Norm(arena.from(values, [rows, channels]), { scale: 3 }).read();
      expectClose(y, oracle.l2Norm(values, channels, 1e-12, 3), { maxRelative: TOLERANCE[dtype] });
    });

    test("keeps a row of zeros at zero", async () => {
      const y = await l2Norm(arena.from([0, 0, 0, 3, 0, 4], [2, 3])).read();
      expectClose(y, [0, 0, 0, 0.6, 0, 0.8], { maxRelative: TOLERANCE[dtype] });
      expect([...y.slice(0, 3)]).toEqual([0, 0, 0]);
    });
  });

  describe.each([1, 3, 4, 5, 33, 127, 129, 516])(
    "rows shared among invocations, as on a GPU: %i channels",
    (channels) => {
      const random = new Random(channels);
      const rows = 7;

      /** The same device, treated as a GPU. */
      async function hardwareArena(): Promise<Arena> {
        const { device, adapter, features } = await sharedGpu();
        const hardware = new GpuDevice(device as GPUDevice, { ...adapter, isSoftware: false }, features);
        return new Arena(hardware.stream(), dtype, { guards: true });
      }

      test("layerNorm", async () => {
        const other = await hardwareArena();
        const values = normals(random, rows * channels, 3);
        const y = layerNorm(other.from(values, [rows, channels]), { stable: true });
        const expected = oracle.layerNorm(values, [rows, channels], { stable: true, eps: 1e-5 });
        // The one value of a row divided by itself is 1 within 2.5 units in the last place, as WGSL allows. What is left of the
        // difference from the mean is divided by the square root of eps.
        const ofDivision = channels === 1 ? (2.5 * 2 ** -23) / Math.sqrt(1e-5) : 0;
        expectClose(await y.read(), expected, { maxRelative: TOLERANCE[dtype] + ofDivision });
        await other.checkGuards();
      });

      test("l2Norm", async () => {
        const other = await hardwareArena();
        const values = normals(random, rows * channels, 3);
        const y = l2Norm(other.from(values, [rows, channels]));
        expectClose(await y.read(), oracle.l2Norm(values, channels, 1e-12, 1), { maxRelative: TOLERANCE[dtype] });
        await other.checkGuards();
      });
    },
  );

  describe("weightStandardize", () => {
    const random = new Random(4);
    const cases = [
      [3, 3, 8, 8],
      [1, 1, 4, 4],
      [3, 3, 3, 5],
      [2, 3, 6, 257],
    ] as const;

    test.each(cases)("[%i, %i, %i, %i]", async (height, width, inputs, outputs) => {
      const taps = height * width;
      const values = normals(random, taps * inputs * outputs, 0.1);
      const stored = [taps, padChannels(inputs), padChannels(outputs)] as const;
      const weight = viewOf(arena.from(padAxes(values, [taps, inputs, outputs], stored), stored), [
        height,
        width,
        inputs,
        outputs,
      ]);
      const y = weightStandardize(weight);
      const expected = oracle.weightStandardize(values, [taps, inputs, outputs], 1e-5);
      expectClose(await viewOf(y, stored).read(), padAxes(expected, [taps, inputs, outputs], stored), {
        maxRelative: TOLERANCE[dtype],
      });
      y.dispose();
    });
  });
});

/** The memory of a tensor with another shape, including padding. */
function viewOf(tensor: Tensor, shape: readonly number[]): Tensor {
  tensor.storage.retain();
  return new Tensor(tensor.arena, shape, tensor.dtype, tensor.storage);
}

type Axes = readonly [taps: number, inputs: number, outputs: number];

function padAxes(values: ArrayLike<number>, [taps, inputs, outputs]: Axes, padded: Axes): Float32Array {
  const result = new Float32Array(padded[0] * padded[1] * padded[2]);
  for (let t = 0; t < taps; t++) {
    for (let i = 0; i < inputs; i++) {
      for (let o = 0; o < outputs; o++) {
        result[(t * padded[1] + i) * padded[2] + o] = values[(t * inputs + i) * outputs + o]!;
      }
    }
  }
  return result;
}
