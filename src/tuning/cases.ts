import { conv2d } from "../ops/conv.js";
import { linear } from "../ops/linear.js";
import { packRows } from "../ops/pack.js";
import type { Arena } from "../tensor/arena.js";
import type { Tensor } from "../tensor/tensor.js";

/** An operation of a model that kernels are measured on. */
export interface TuningCase {
  /** The operation and its size, for people. */
  readonly name: string;
  readonly prepare: (arena: Arena) => Prepared;
}

/** An operation with its inputs. */
export interface Prepared {
  /** Activations and weights. */
  readonly inputs: readonly Tensor[];
  /** Encodes the operation, as often as it is called, and returns its result. */
  readonly run: () => Tensor;
}

/** Operations of the models that run on an adapter: small ones on software adapters. */
export interface TuningCases {
  readonly software: readonly TuningCase[];
  readonly gpu: readonly TuningCase[];
}

/** Rules that choose a kernel by the size of the operation, and the operations that they are measured on. */
export interface RuleClass<Rule> {
  /** Every kernel, without conditions. The first runs everywhere. */
  readonly rules: readonly Rule[];
  /** Ranges of sizes, as the table lists them: an operation is in the first that it fits. */
  readonly ranges: readonly RuleRange<Rule>[];
}

interface RuleRange<Rule> {
  /** What its operations are, for people. */
  readonly name: string;
  /** The conditions of the range. Their names begin with `min`. */
  readonly when: Partial<Rule>;
  /** Operations of models that are in the range. */
  readonly cases: TuningCases;
}

/** A linear layer of `rows` tokens. */
export function linearCase(rows: number, inputs: number, outputs: number): TuningCase {
  return {
    name: `linear ${rows}×${inputs} to ${outputs}`,
    prepare: (arena) => {
      const x = arena.from(values(rows * inputs), [rows, inputs]);
      const weight = packedWeight(arena, [inputs, outputs], 1);
      return { inputs: [x, weight], run: () => linear(x, weight) };
    },
  };
}

/** A convolution that keeps the size of an image, with padding. */
export function convCase(batch: number, size: number, inputs: number, outputs: number, kernel = 3): TuningCase {
  return {
    name: `conv ${kernel}×${kernel} ${batch}×${size}×${size}×${inputs} to ${outputs}`,
    prepare: (arena) => {
      const x = arena.from(values(batch * size * size * inputs), [batch, size, size, inputs]);
      const weight = packedWeight(arena, [kernel, kernel, inputs, outputs], kernel * kernel);
      return { inputs: [x, weight], run: () => conv2d(x, weight, { padding: (kernel - 1) / 2 }) };
    },
  };
}

function packedWeight(arena: Arena, shape: readonly number[], taps: number): Tensor {
  const [inputs, rows] = shape.slice(-2) as [number, number];
  const weight = arena.adopt(arena.packed(shape));
  const source = arena.from(values(inputs * rows * taps), [inputs * rows * taps], "f32");
  packRows(source, weight, { firstRow: 0, rows, inputs, taps });
  return weight;
}

/** Returns values k / 128 in [-1, 1), which are exact in every storage type. The same for the same count. */
export function values(count: number): Float32Array {
  let state = count;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 24) - 128) / 128;
  });
}
