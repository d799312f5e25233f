import { describe, expect, it } from "vitest";
import { convTranspose2d } from "../../src/ops/conv-transpose.js";
import { packRows } from "../../src/ops/pack.js";
import { ShapeError } from "../../src/ops/shape-error.js";
import type { Arena } from "../../src/tensor/arena.js";
import { padChannels } from "../../src/tensor/dtype.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { expectClose, openTestArena, Random, testableTypes } from "../support/gpu.js";
import { convTranspose64, type ConvTransposeCase } from "../support/oracle-gemm.js";
import { rounded } from "../support/rounded.js";

// Like conv2d (gemm.test.ts): inputs are exact in both types and sums are f32, so f16 rounds only the result.
const bounds = { f32: { maxRelative: 1e-5 }, f16: { maxRelative: 6e-4, nmse: 1e-6 } } as const;

/** Packs torch's `[inputs, outputs, 4, 4]` like `Weights.conv`. */
function packed(arena: Arena, w: Float32Array, { inputs, outputs }: ConvTransposeCase): Tensor {
  const target = arena.packed([4, 4, outputs, inputs]);
  const source = new Float32Array(padChannels(w.length));
  source.set(w);
  const staged = arena.from(source, [source.length], "f32");
  packRows(staged, target, { firstRow: 0, rows: inputs, inputs: outputs, taps: 16 });
  return target;
}

describe.each(await testableTypes())("transposed convolution in %s", (dtype) => {
  const random = new Random(4);
  const cases: ConvTransposeCase[] = [
    { batch: 1, height: 1, width: 1, inputs: 1, outputs: 1 },
    { batch: 2, height: 3, width: 5, inputs: 4, outputs: 8 },
    { batch: 1, height: 4, width: 4, inputs: 13, outputs: 6 },
    { batch: 3, height: 2, width: 7, inputs: 6, outputs: 33 },
    // More pixels and channels than one workgroup computes: 32 and 32.
    { batch: 2, height: 7, width: 6, inputs: 20, outputs: 70 },
  ];

  it.each(cases)("$batch × $height × $width, $inputs to $outputs", async (size) => {
    const arena = await openTestArena(dtype);
    const { batch, height, width, inputs, outputs } = size;
    const x = rounded(random.normals(batch * height * width * inputs), dtype);
    const w = rounded(random.normals(inputs * outputs * 16, inputs ** -0.5), dtype);
    const shape = [batch, 2 * height, 2 * width, outputs];
    const activation = random.pick(["none", "silu", "relu"] as const);
    const bias = random.pick([undefined, random.normals(outputs)]);
    const residual = random.pick([
      undefined,
      rounded(random.normals(shape.reduce((product, length) => product * length)), dtype),
    ]);
    const y = convTranspose2d(arena.from(x, [batch, height, width, inputs]), packed(arena, w, size), {
      activation,
      bias: bias && arena.from(bias, [outputs], "f32"),
      residual: residual && arena.from(residual, shape),
    });
    expect(y.shape).toEqual(shape);
    expectClose(await y.read(), convTranspose64(x, w, size, { bias, activation, residual }), bounds[dtype]);
    await arena.checkGuards();
  });

  it("names arguments that do not fit", async () => {
    const arena = await openTestArena(dtype);
    const weight = arena.packed([4, 4, 5, 3]);
    const bias = arena.from(new Float32Array(5), [5], "f32");
    expect(() => convTranspose2d(arena.from(new Float32Array(8), [1, 1, 2, 4]), weight, { bias })).toThrow(ShapeError);
    expect(() => convTranspose2d(arena.from([1, 2, 3], [1, 1, 1, 3]), weight, { bias })).not.toThrow();
    weight.dispose();
  });
});
