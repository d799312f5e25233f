import { Conv2d } from "../nn/conv2d.js";
import { Linear } from "../nn/linear.js";
import { attention } from "../ops/attention.js";
import { groupNorm } from "../ops/group-norm.js";
import type { Arena } from "../tensor/arena.js";
import { float32ToF16 } from "../tensor/half.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Weights } from "../weights/store.js";
import { TensorEntry } from "../weights/tensor-entry.js";
import { WeightStore } from "../weights/weight-store.js";

/** An operation of a model that kernels are measured on. */
export interface TuningCase {
  /** The operation and its size, for people. */
  readonly name: string;
  /** Makes the inputs and loads the weights, which are in memory until `dispose`. */
  readonly prepare: (arena: Arena) => Promise<Prepared>;
}

/** An operation with its inputs. */
export interface Prepared {
  /** Encodes the operation, as often as it is called, and returns its result. */
  readonly run: () => Tensor;
  readonly dispose: () => void;
}

/** Operations of the models that run on an adapter: small ones on software adapters. */
export interface TuningCases {
  readonly software: readonly TuningCase[];
  readonly gpu: readonly TuningCase[];
}

/** Rules that choose a kernel by the size of the operation, and the operations that they are measured on. */
export interface RuleClass<Rule> {
  /** Every kernel, without conditions. Undefined stands for no rule. The first runs everywhere. */
  readonly rules: readonly (Rule | undefined)[];
  /** Further kernels, which are only measured on GPUs: software adapters take seconds to compile them. Default: none. */
  readonly gpuRules?: readonly Rule[];
  /** Ranges of sizes, as the table lists them: an operation is in the first that it fits. */
  readonly ranges: readonly RuleRange<Rule>[];
}

interface RuleRange<Rule> {
  /** What its operations are, for people. */
  readonly name: string;
  /** The conditions of the range. Their names begin with `min` or `max`. */
  readonly when: Partial<Rule>;
  /** Operations of models that are in the range. */
  readonly cases: TuningCases;
}

/** A linear layer of `rows` tokens. */
export function linearCase(rows: number, inputs: number, outputs: number): TuningCase {
  return layerCase({
    name: `linear ${rows}×${inputs} to ${outputs}`,
    input: [rows, inputs],
    weight: [outputs, inputs],
    layer: (weights) => new Linear(weights, inputs, outputs),
  });
}

/** A convolution that keeps the size of an image, with padding. */
export function convCase(batch: number, size: number, inputs: number, outputs: number, kernel = 3): TuningCase {
  return layerCase({
    name: `conv ${kernel}×${kernel} ${batch}×${size}×${size}×${inputs} to ${outputs}`,
    input: [batch, size, size, inputs],
    weight: [outputs, inputs, kernel, kernel],
    layer: (weights) => new Conv2d(weights, inputs, outputs, kernel, { padding: (kernel - 1) / 2 }),
  });
}

interface LayerCase {
  readonly name: string;
  readonly input: readonly number[];
  /** Shape of the weight in a file. */
  readonly weight: readonly [outputs: number, ...others: number[]];
  readonly layer: (weights: Weights) => { forward(x: Tensor): Tensor };
}

/** A layer with its weights, which are loaded as those of a model. They are in f16, as in most published checkpoints. */
function layerCase({ name, input, weight, layer }: LayerCase): TuningCase {
  return {
    name,
    prepare: async (arena) => {
      const entries = [entryOf("weight", weight), entryOf("bias", [weight[0]])];
      const store = new WeightStore(arena, { name, tensors: new Map(entries.map((entry) => [entry.name, entry])) });
      const { forward } = bound(layer(store.root));
      await store.load();
      const x = arena.from(values(sizeOf(input)), input);
      return {
        run: () => forward(x),
        dispose: () => {
          x.dispose();
          store.dispose();
        },
      };
    },
  };
}

function bound(layer: { forward(x: Tensor): Tensor }): { readonly forward: (x: Tensor) => Tensor } {
  return { forward: (x) => layer.forward(x) };
}

function entryOf(name: string, shape: readonly number[]): TensorEntry {
  const data = float32ToF16(values(sizeOf(shape)));
  const row = data.length / shape[0]!;
  return new TensorEntry(name, "F16", shape, ([start, end]) =>
    Promise.resolve(new Uint8Array(data.slice(start * row, end * row).buffer)),
  );
}

/** Attention of `queries` tokens to `keys` others. */
export function attentionCase(queries: number, keys: number, heads: number, dimHead: number): TuningCase {
  return {
    name: `attention of ${queries} to ${keys} tokens, ${heads} heads of ${dimHead}`,
    prepare: (arena) => {
      const width = heads * dimHead;
      const tokens = (count: number): Tensor => arena.from(values(count * width), [1, count, width]);
      const [q, k, v] = [tokens(queries), tokens(keys), tokens(keys)];
      const options = { q, k, v, heads, kvHeads: heads, dimHead, scale: dimHead ** -0.5 };
      return Promise.resolve({
        run: () => attention(options),
        dispose: () => {
          for (const tensor of [q, k, v]) tensor.dispose();
        },
      });
    },
  };
}

/** Group norm and SiLU of an image. */
export function groupNormCase(batch: number, size: number, channels: number, groups: number): TuningCase {
  return {
    name: `group norm of ${batch}×${size}×${size}×${channels}, ${groups} groups`,
    prepare: (arena) => {
      const shape = [batch, size, size, channels];
      const x = arena.from(values(sizeOf(shape)), shape);
      const [weight, bias] = [
        arena.from(values(channels), [channels], "f32"),
        arena.from(values(channels), [channels], "f32"),
      ];
      return Promise.resolve({
        run: () => groupNorm(x, { groups, weight, bias, activation: "silu" }),
        dispose: () => {
          for (const tensor of [x, weight, bias]) tensor.dispose();
        },
      });
    },
  };
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, axis) => product * axis, 1);
}

/** Returns values k / 128 in [-1, 1), which are exact in every storage type. The same for the same count. */
function values(count: number): Float32Array {
  let state = count;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 24) - 128) / 128;
  });
}
