import { afterAll, describe, expect, it } from "vitest";
import { GpuDevice } from "../../src/gpu/device.js";
import { packRows } from "../../src/ops/pack.js";
import { quantize } from "../../src/ops/quantize.js";
import { ShapeError } from "../../src/ops/shape-error.js";
import { Arena } from "../../src/tensor/arena.js";
import { padChannels } from "../../src/tensor/dtype.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { openTestArena, Random, sharedGpu } from "../support/gpu.js";
import { decodeInt8, expectNearest } from "../support/int8.js";

afterAll(async () => {
  (await sharedGpu()).dispose();
});

const TAPS = 4;

/** Packs `values`, `[rows, inputs, 2, 2]`, in f32. */
function packed(arena: Arena, values: Float32Array, rows: number, inputs: number, isTransposed = false): Tensor {
  const weight = arena.adopt(arena.packed([2, 2, inputs, rows], "f32"));
  const source = new Float32Array(padChannels(values.length));
  source.set(values);
  const staged = arena.from(source, [source.length], "f32");
  packRows(staged, weight, { firstRow: 0, rows, inputs, taps: TAPS, isTransposed });
  return weight;
}

describe("quantize", () => {
  const random = new Random(8);

  it.each([
    [false, true],
    [true, true],
    [false, false],
    [true, false],
  ])(
    "gives the nearest multiples of each output's scale (transposed: %s, on a software adapter: %s)",
    async (isTransposed, isSoftware) => {
      const { device, adapter, features } = await sharedGpu();
      // The same device, treated as a GPU: invocations share an output.
      const treated = new GpuDevice(device as GPUDevice, { ...adapter, isSoftware }, features);
      const arena = new Arena(treated.stream(), "f32", { guards: true });
      for (let round = 0; round < 4; round++) {
        const [inputs, outputs] = [random.integer(1, 13), random.integer(1, 11)];
        // An output whose weights are all zero, and one with very small weights.
        const output = (at: number): number =>
          isTransposed ? Math.floor(at / TAPS) % outputs : Math.floor(at / (TAPS * inputs));
        const factor = (o: number): number => (o === 1 ? 0 : o === 2 ? 1e-20 : o + 1);
        const values = random.normals(inputs * outputs * TAPS).map((value, at) => value * factor(output(at)));
        const [rows, columns] = isTransposed ? [inputs, outputs] : [outputs, inputs];
        const weight = packed(arena, values, rows, columns, isTransposed);
        const quantized = arena.adopt(arena.packed(weight.shape, "int8", "", outputs));
        quantize(weight, quantized, { isTransposed });
        expectNearest(await decodeInt8(quantized, isTransposed), values, output);
        await arena.checkGuards();
      }
    },
  );

  it("fills outputs from the first one given on, and leaves the others", async () => {
    const arena = await openTestArena();
    const [inputs, outputs] = [5, 14];
    const values = random.normals(inputs * outputs * TAPS);
    const [whole, inParts] = [0, 1].map(() => arena.adopt(arena.packed([2, 2, inputs, outputs], "int8")));
    quantize(packed(arena, values, outputs, inputs), whole!);
    for (const [firstOutput, end] of [
      [8, 14],
      [0, 8],
    ] as const) {
      const part = values.subarray(firstOutput * inputs * TAPS, end * inputs * TAPS);
      quantize(packed(arena, part, end - firstOutput, inputs), inParts!, { firstOutput });
    }
    expect(await decodeInt8(inParts!)).toEqual(await decodeInt8(whole!));
  });

  it("gives an output with infinities or NaN a scale of NaN, so that damage is found", async () => {
    const arena = await openTestArena();
    const values = new Float32Array(3 * TAPS).fill(1);
    values[1] = NaN;
    values[TAPS] = -Infinity;
    const quantized = arena.adopt(arena.packed([2, 2, 1, 3], "int8"));
    quantize(packed(arena, values, 3, 1), quantized);
    const { scales } = await decodeInt8(quantized);
    expect([...scales]).toEqual([NaN, NaN, expect.closeTo(1 / 127)]);
  });

  it("refuses weights that are not in f32", async () => {
    const arena = await openTestArena();
    const quantized = arena.adopt(arena.packed([4, 4], "int8"));
    expect(() => {
      quantize(quantized, quantized);
    }).toThrow(ShapeError);
  });
});
