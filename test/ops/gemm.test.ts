import { describe, expect, it } from "vitest";
import type { Activation } from "../../src/ops/activation.js";
import { conv2d } from "../../src/ops/conv.js";
import { linear } from "../../src/ops/linear.js";
import { packRows } from "../../src/ops/pack.js";
import type { Arena } from "../../src/tensor/arena.js";
import { padChannels, type ComputeType } from "../../src/tensor/dtype.js";
import { fromHalf, toHalf } from "../../src/tensor/half.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { expectClose, openTestArena, Random, testableTypes } from "../support/gpu.js";
import { conv64, linear64, type ConvCase } from "../support/oracle-gemm.js";

// f32: products of up to 1000 terms round to a few 1e-7 of the largest output; 1e-5 leaves room for cancellation.
// f16: inputs are exact in f16 and sums are f32, so only the stored result rounds (2^-11 of each value).
const bounds = { f32: { maxRelative: 1e-5 }, f16: { maxRelative: 6e-4, nmse: 1e-6 } } as const;

const activations: readonly Activation[] = ["none", "silu", "gelu", "quickGelu", "relu", "geluTanh", "mish"];

/** Returns values that are exact in both storage types, so that oracle and kernel have equal inputs. */
function values(random: Random, count: number, scale = 1): Float32Array {
  return random.normals(count, scale).map((value) => fromHalf(toHalf(value)));
}

/** Packs a torch weight in two dispatches if it has enough rows, like loading does. */
function packed(arena: Arena, w: Float32Array, shape: readonly number[], taps: number): Tensor {
  const [inputs = 1, outputs = 1] = shape.slice(-2);
  const target = arena.packed(shape);
  const split = outputs > 8 ? 8 : outputs;
  for (const [firstRow, rows] of [
    [0, split],
    [split, outputs - split],
  ] as const) {
    if (rows === 0) continue;
    const part = new Float32Array(padChannels(rows * inputs * taps));
    part.set(w.subarray(firstRow * inputs * taps, (firstRow + rows) * inputs * taps));
    packRows(arena.from(part, [part.length], "f32"), target, { firstRow, rows, inputs, taps });
  }
  return target;
}

const types: ComputeType[] = await testableTypes();

describe.each(types)("linear in %s", (dtype) => {
  const random = new Random(1);
  const sizes: [number, number, number][] = [
    [1, 1, 1],
    [1, 4, 8],
    [3, 5, 7],
    [4, 16, 8],
    [31, 32, 33],
    [32, 64, 32],
    [33, 1000, 9],
    [130, 20, 70],
  ];
  for (let i = 0; i < 6; i++) sizes.push([random.integer(1, 90), random.integer(1, 90), random.integer(1, 90)]);

  it.each(sizes)("[%i, %i] to %i", async (rows, inputs, outputs) => {
    const arena = await openTestArena(dtype);
    const x = values(random, rows * inputs);
    const w = values(random, outputs * inputs, inputs ** -0.5);
    const bias = random.pick([undefined, values(random, outputs)]);
    const residual = random.pick([undefined, values(random, rows * outputs)]);
    const activation = random.pick(activations);
    const y = linear(arena.from(x, [rows, inputs]), packed(arena, w, [inputs, outputs], 1), {
      activation,
      bias: bias && arena.from(bias, [outputs], "f32"),
      residual: residual && arena.from(residual, [rows, outputs]),
    });
    const expected = linear64(x, w, [rows, inputs, outputs], { activation, bias, residual });
    expectClose(await y.read(), expected, bounds[dtype]);
    await arena.checkGuards();
  });

  it("keeps the leading axes", async () => {
    const arena = await openTestArena(dtype);
    const y = linear(arena.from(values(random, 24), [2, 3, 4]), packed(arena, values(random, 20), [4, 5], 1));
    expect(y.shape).toEqual([2, 3, 5]);
  });

  it("continues in z beyond 65535 workgroups", async () => {
    const arena = await openTestArena(dtype);
    // One workgroup covers 32 rows; two rows more than 65535 of them.
    const rows = 65535 * 32 + 2;
    const x = Float32Array.from({ length: rows }, (_, i) => i % 512);
    const y = await linear(arena.from(x, [rows, 1]), packed(arena, new Float32Array([2]), [1, 1], 1)).read();
    expect(y.findIndex((value, i) => value !== 2 * x[i]!)).toBe(-1);
  });

  it("names arguments that do not fit", async () => {
    const arena = await openTestArena(dtype);
    const weight = packed(arena, values(random, 20), [4, 5], 1);
    expect(() => linear(arena.from([1, 2, 3], [1, 3]), weight)).toThrow(
      /linear: x is \[1, 3\]; expected \[\.\.\., 4\]/,
    );
    const bias = arena.from([1, 2], [2], "f32");
    expect(() => linear(arena.from([1, 2, 3, 4], [1, 4]), weight, { bias })).toThrow(/bias/);
  });
});

describe.each(types)("conv2d in %s", (dtype) => {
  const random = new Random(2);
  const cases: ConvCase[] = [
    { batch: 1, height: 1, width: 1, inputs: 1, outputs: 1, kernel: [1, 1], stride: 1, padding: 0 },
    { batch: 2, height: 7, width: 5, inputs: 3, outputs: 8, kernel: [3, 3], stride: 1, padding: 1 },
    { batch: 1, height: 16, width: 16, inputs: 3, outputs: 2, kernel: [15, 15], stride: 1, padding: 7 },
    { batch: 2, height: 8, width: 8, inputs: 6, outputs: 10, kernel: [4, 4], stride: 2, padding: 1 },
    { batch: 3, height: 8, width: 6, inputs: 3, outputs: 16, kernel: [2, 2], stride: 2, padding: 0 },
    { batch: 2, height: 5, width: 9, inputs: 12, outputs: 5, kernel: [1, 1], stride: 1, padding: 0 },
    { batch: 1, height: 32, width: 32, inputs: 3, outputs: 12, kernel: [8, 8], stride: 8, padding: 0 },
    { batch: 2, height: 8, width: 9, inputs: 5, outputs: 12, kernel: [3, 3], stride: 2, padding: 0, paddingAfter: 1 },
  ];
  for (let i = 0; i < 6; i++) {
    const kernel = [random.integer(1, 4), random.integer(1, 4)] as const;
    cases.push({
      batch: random.integer(1, 3),
      height: random.integer(4, 20),
      width: random.integer(4, 20),
      inputs: random.integer(1, 20),
      outputs: random.integer(1, 20),
      kernel,
      stride: random.integer(1, 3),
      padding: random.integer(0, 3),
    });
  }

  it.each(cases)("$batch×$height×$width×$inputs to $outputs, $kernel stride $stride padding $padding", async (c) => {
    const arena = await openTestArena(dtype);
    const [kh, kw] = c.kernel;
    const x = values(random, c.batch * c.height * c.width * c.inputs);
    const w = values(random, c.outputs * c.inputs * kh * kw, (c.inputs * kh * kw) ** -0.5);
    const activation = random.pick(activations);
    const bias = random.pick([undefined, values(random, c.outputs)]);
    const shape = conv64(x, w, c, { activation }).length;
    const residual = random.pick([undefined, values(random, shape)]);
    const expected = conv64(x, w, c, { activation, bias, residual });
    const padding = [c.padding, c.paddingAfter ?? c.padding] as const;
    const oh = Math.floor((c.height + padding[0] + padding[1] - kh) / c.stride) + 1;
    const ow = Math.floor((c.width + padding[0] + padding[1] - kw) / c.stride) + 1;
    const y = conv2d(
      arena.from(x, [c.batch, c.height, c.width, c.inputs]),
      packed(arena, w, [kh, kw, c.inputs, c.outputs], kh * kw),
      {
        activation,
        bias: bias && arena.from(bias, [c.outputs], "f32"),
        residual: residual && arena.from(residual, [c.batch, oh, ow, c.outputs]),
        stride: c.stride,
        padding,
      },
    );
    expect(y.shape).toEqual([c.batch, oh, ow, c.outputs]);
    expectClose(await y.read(), expected, bounds[dtype]);
    await arena.checkGuards();
  });
});
