import type { GpuDevice } from "../gpu/device.js";
import { attention } from "../ops/attention.js";
import { conv2d } from "../ops/conv.js";
import { linear } from "../ops/linear.js";
import { groupNorm } from "../ops/group-norm.js";
import { packRows } from "../ops/pack.js";
import { Arena } from "../tensor/arena.js";
import type { ComputeType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";

/** How the result of one kernel compares with float64 on the CPU. */
export interface SelfTestResult {
  readonly kernel: string;
  readonly dtype: ComputeType;
  /** Largest error relative to the largest expected value; NaN counts as infinite. */
  readonly maxRelative: number;
  readonly tolerance: number;
  readonly pass: boolean;
}

interface SelfTest {
  readonly kernel: string;
  run(arena: Arena): { actual: Tensor; expected: Float64Array };
}

// f32 sums of at most 576 terms have errors of a few 1e-7; f16 rounds each stored result by up to 2^-11.
const TOLERANCES = { f32: 1e-5, f16: 6e-4 } as const;

/**
 * Runs the four most important kernels in every storage type of the device and compares them with float64 on the CPU.
 * It detects a broken driver before it generates a wrong image.
 */
export async function selfTest(gpu: GpuDevice): Promise<SelfTestResult[]> {
  const dtypes = (["f32", "f16"] as const).filter((dtype) => dtype === "f32" || gpu.features.f16);
  await compile(gpu, dtypes);
  const results: SelfTestResult[] = [];
  using stream = gpu.stream();
  for (const dtype of dtypes) {
    const arena = new Arena(stream, dtype);
    for (const test of TESTS) {
      const { actual, expected } = arena.scope(() => test.run(arena));
      const maxRelative = largestRelativeError(await actual.read(), expected);
      actual.dispose();
      const tolerance = TOLERANCES[arena.dtype];
      results.push({ kernel: test.kernel, dtype: arena.dtype, maxRelative, tolerance, pass: maxRelative <= tolerance });
    }
  }
  return results;
}

/** Compiles the kernels of all tests, in parallel. */
async function compile(gpu: GpuDevice, dtypes: readonly ComputeType[]): Promise<void> {
  using stream = gpu.stream({ executor: "compile" });
  for (const dtype of dtypes) {
    const arena = new Arena(stream, dtype);
    arena.scope(() => {
      for (const test of TESTS) test.run(arena);
    });
  }
  await stream.sync();
}

const silu = (x: number): number => x / (1 + Math.exp(-x));

/** Returns `count` values k / 256 in [-1, 1), which are exact in every storage type. */
function values(count: number, start: number): Float32Array {
  let state = start;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 23) - 256) / 256;
  });
}

function pack(arena: Arena, weight: Float32Array, shape: readonly number[], taps: number): Tensor {
  const [inputs, rows] = shape.slice(-2) as [number, number];
  const packed = arena.adopt(arena.packed(shape));
  packRows(arena.from(weight, [weight.length], "f32"), packed, { firstRow: 0, rows, inputs, taps });
  return packed;
}

const linearTest: SelfTest = {
  kernel: "matmul",
  run(arena) {
    const [rows, inputs, outputs] = [37, 64, 40];
    const [x, w, bias] = [values(rows * inputs, 1), values(outputs * inputs, 2), values(outputs, 3)];
    const actual = linear(arena.from(x, [rows, inputs]), pack(arena, w, [inputs, outputs], 1), {
      bias: arena.from(bias, [outputs], "f32"),
      activation: "silu",
    });
    const expected = Float64Array.from({ length: rows * outputs }, (_, index) => {
      const [m, n] = [Math.floor(index / outputs), index % outputs];
      let sum = bias[n]!;
      for (let k = 0; k < inputs; k++) sum += x[m * inputs + k]! * w[n * inputs + k]!;
      return silu(sum);
    });
    return { actual, expected };
  },
};

const convTest: SelfTest = {
  kernel: "conv2d",
  run(arena) {
    const [size, inputs, outputs] = [9, 16, 12];
    const [x, w] = [values(size * size * inputs, 4), values(outputs * inputs * 9, 5)];
    const image = arena.from(x, [1, size, size, inputs]);
    const actual = conv2d(image, pack(arena, w, [3, 3, inputs, outputs], 9), { padding: 1 });
    const expected = new Float64Array(size * size * outputs);
    for (let index = 0; index < expected.length; index++) {
      const [pixel, o] = [Math.floor(index / outputs), index % outputs];
      for (let tap = 0; tap < 9; tap++) {
        const row = Math.floor(pixel / size) + Math.floor(tap / 3) - 1;
        const column = (pixel % size) + (tap % 3) - 1;
        if (row < 0 || row >= size || column < 0 || column >= size) continue;
        for (let c = 0; c < inputs; c++) {
          expected[index]! += x[(row * size + column) * inputs + c]! * w[(o * inputs + c) * 9 + tap]!;
        }
      }
    }
    return { actual, expected };
  },
};

const groupNormTest: SelfTest = {
  kernel: "groupNorm",
  run(arena) {
    const [size, channels, groups] = [12, 24, 3];
    const [x, weight, bias] = [values(size * size * channels, 6), values(channels, 7), values(channels, 8)];
    const actual = groupNorm(arena.from(x, [1, size, size, channels]), {
      groups,
      weight: arena.from(weight, [channels], "f32"),
      bias: arena.from(bias, [channels], "f32"),
      activation: "silu",
    });
    const groupOf = (index: number): number => Math.floor(((index % channels) * groups) / channels);
    const count = x.length / groups;
    const means = new Float64Array(groups);
    const variances = new Float64Array(groups);
    x.forEach((value, index) => (means[groupOf(index)]! += value / count));
    x.forEach((value, index) => (variances[groupOf(index)]! += (value - means[groupOf(index)]!) ** 2 / count));
    const expected = Float64Array.from(x, (value, index) => {
      const normal = (value - means[groupOf(index)]!) / Math.sqrt(variances[groupOf(index)]! + 1e-5);
      return silu(normal * weight[index % channels]! + bias[index % channels]!);
    });
    return { actual, expected };
  },
};

const attentionTest: SelfTest = {
  kernel: "attention",
  run(arena) {
    const [length, heads, dimHead] = [33, 2, 16];
    const width = heads * dimHead;
    const [q, k, v] = [values(length * width, 9), values(length * width, 10), values(length * width, 11)];
    const tokens = (data: Float32Array): Tensor => arena.from(data, [1, length, width]);
    const head = { heads, kvHeads: heads, dimHead, scale: 1 };
    const actual = attention({ q: tokens(q), k: tokens(k), v: tokens(v), causal: true, ...head });
    const expected = new Float64Array(length * width);
    for (let i = 0; i < length; i++) {
      for (let first = 0; first < width; first += dimHead) {
        const weights = Array.from({ length: i + 1 }, (_, j) => {
          let score = 0;
          for (let d = first; d < first + dimHead; d++) score += q[i * width + d]! * k[j * width + d]!;
          return Math.exp(score);
        });
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (let d = first; d < first + dimHead; d++) {
          weights.forEach((weight, j) => (expected[i * width + d]! += (weight / total) * v[j * width + d]!));
        }
      }
    }
    return { actual, expected };
  },
};

const TESTS = [linearTest, convTest, groupNormTest, attentionTest];

function largestRelativeError(actual: Float32Array, expected: Float64Array): number {
  let error = 0;
  let largest = 0;
  expected.forEach((value, index) => {
    const difference = Math.abs(actual[index]! - value);
    error = Math.max(error, Number.isNaN(difference) ? Infinity : difference);
    largest = Math.max(largest, Math.abs(value));
  });
  return error / largest;
}
