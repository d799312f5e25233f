import { Conv2d } from "../../nn/conv2d.js";
import { GroupNorm } from "../../nn/group-norm.js";
import { LayerNorm } from "../../nn/layer-norm.js";
import { Linear } from "../../nn/linear.js";
import { attention } from "../../ops/attention.js";
import type { Arena } from "../../tensor/arena.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";
import { TensorEntry } from "../../weights/tensor-entry.js";
import { WeightStore } from "../../weights/weight-store.js";

/** An operation with the sizes of a network. */
export interface BenchOperation {
  readonly name: string;
  /** What bounds it: multiplications and additions, or bytes of f32 that are read and written. */
  readonly work: { readonly flops: number } | { readonly f32Bytes: number };
  /** Shape of its input. */
  readonly input: readonly number[];
  /** Shapes of its weights, by name. */
  readonly weights: Readonly<Record<string, readonly number[]>>;
  declare(weights: Weights): (x: Tensor) => Tensor;
}

const size = (shape: readonly number[]): number => shape.reduce((product, axis) => product * axis, 1);

function linear(rows: number, inputs: number, outputs: number, of: string): BenchOperation {
  return {
    name: `linear ${rows}×${inputs}→${outputs}, ${of}`,
    work: { flops: 2 * rows * inputs * outputs },
    input: [rows, inputs],
    weights: { weight: [outputs, inputs] },
    declare: (weights) => {
      const layer = new Linear(weights, inputs, outputs, { bias: false });
      return (x) => layer.forward(x);
    },
  };
}

function conv(input: readonly [number, number, number, number], outputs: number, of: string): BenchOperation {
  const inputs = input[3];
  return {
    name: `conv 3×3 ${input.join("×")}→${outputs}, ${of}`,
    work: { flops: 2 * 9 * size(input) * outputs },
    input,
    weights: { weight: [outputs, inputs, 3, 3] },
    declare: (weights) => {
      const layer = new Conv2d(weights, inputs, outputs, 3, { padding: 1, bias: false });
      return (x) => layer.forward(x);
    },
  };
}

function selfAttention(batch: number, tokens: number, heads: number, of: string): BenchOperation {
  const dimHead = 64;
  const shape = [batch, tokens, heads * dimHead];
  return {
    name: `attention ${batch}×${heads} heads, ${tokens} tokens, ${of}`,
    work: { flops: 4 * size(shape) * tokens },
    input: shape,
    weights: {},
    declare: () => (x) => attention({ q: x, k: x, v: x, heads, kvHeads: heads, dimHead, scale: dimHead ** -0.5 }),
  };
}

function groupNorm(input: readonly [number, number, number, number], of: string): BenchOperation {
  const channels = input[3];
  return {
    name: `group norm + SiLU ${input.join("×")}, ${of}`,
    // It is read twice: for the statistics, and for the result.
    work: { f32Bytes: 3 * 4 * size(input) },
    input,
    weights: { weight: [channels], bias: [channels] },
    declare: (weights) => {
      const layer = new GroupNorm(weights, 8, channels);
      return (x) => layer.forward(x, { activation: "silu" });
    },
  };
}

function layerNorm(rows: number, channels: number, of: string): BenchOperation {
  return {
    name: `layer norm ${rows}×${channels}, ${of}`,
    work: { f32Bytes: 2 * 4 * rows * channels },
    input: [rows, channels],
    weights: { weight: [channels], bias: [channels] },
    declare: (weights) => {
      const layer = new LayerNorm(weights, channels);
      return (x) => layer.forward(x);
    },
  };
}

export const BENCH_OPERATIONS: readonly BenchOperation[] = [
  linear(1024, 320, 1536, "LAION U-Net 1"),
  linear(162, 768, 6144, "LAION prior"),
  conv([1, 32, 32, 320], 320, "LAION U-Net 1"),
  conv([2, 8, 8, 960], 960, "LAION U-Net 1"),
  conv([2, 32, 32, 32], 32, "Shapes U-Net 1"),
  selfAttention(2, 256, 8, "LAION U-Net 1"),
  selfAttention(2, 81, 12, "LAION prior"),
  groupNorm([2, 32, 32, 320], "LAION U-Net 1"),
  layerNorm(2048, 320, "LAION U-Net 1"),
];

/** Numbers in [-1, 1), the same in each run. */
function values(count: number): Float32Array<ArrayBuffer> {
  let state = 1;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 21) - 1024) / 1024;
  });
}

/** An operation that is ready to run, with what the caller disposes. */
export interface PreparedOperation extends Disposable {
  /** Encodes one run. */
  encode(): void;
}

/** Loads random weights, as checkpoints are loaded, and uploads an input. */
export async function prepareOperation(arena: Arena, operation: BenchOperation): Promise<PreparedOperation> {
  const entries = Object.entries(operation.weights).map(([name, shape]) => {
    const row = size(shape.slice(1));
    const data = values(size(shape));
    return [
      name,
      new TensorEntry(name, "F32", shape, ([start, end]) =>
        Promise.resolve(new Uint8Array(data.slice(start * row, end * row).buffer)),
      ),
    ] as const;
  });
  const store = new WeightStore(arena, { name: "benchmark", tensors: new Map(entries) });
  const forward = operation.declare(store.root);
  await store.load();
  const x = arena.detached(operation.input);
  arena.upload(x, values(size(operation.input)));
  return {
    encode: () => {
      arena.scope(() => {
        forward(x);
      });
    },
    [Symbol.dispose]: () => {
      x.dispose();
      store.dispose();
    },
  };
}
