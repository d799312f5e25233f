import type { Arena } from "../../src/tensor/arena.js";
import type { Weights } from "../../src/weights/store.js";
import { TensorEntry } from "../../src/weights/tensor-entry.js";
import { WeightStore } from "../../src/weights/weight-store.js";
import { Random } from "./gpu.js";
import { RecordingStore } from "./recording-store.js";

/** A tensor of a state dict, row-major. */
export interface StateTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export type RandomState = ReadonlyMap<string, StateTensor>;

/** Random values for the tensors that a model declares, of a size that keeps activations near 1: larger ones amplify rounding errors. */
export function randomState(arena: Arena, declare: (weights: Weights) => unknown, seed: number): RandomState {
  using store = new RecordingStore(arena);
  declare(store.root);
  const random = new Random(seed);
  return new Map(
    [...store.shapes].map(([name, shape]) => {
      const size = shape.reduce((product, axis) => product * axis, 1);
      const inputs = shape.slice(1).reduce((product, axis) => product * axis, 1);
      const isGain = /norm\w*\.weight$/.test(name);
      const data = random.normals(size, isGain || shape.length === 1 ? 0.3 : 1 / Math.sqrt(inputs));
      return [name, { shape, data: isGain ? data.map((value) => 1 + value) : data }];
    }),
  );
}

/** Loads a model with these weights. The caller disposes the store. */
export async function loadState<Model>(
  arena: Arena,
  state: RandomState,
  declare: (weights: Weights) => Model,
): Promise<{ model: Model; store: WeightStore }> {
  const tensors = new Map([...state].map(([name, tensor]) => [name, entryOf(name, tensor)]));
  const store = new WeightStore(arena, { name: "random.safetensors", tensors });
  const model = declare(store.root);
  await store.load();
  return { model, store };
}

function entryOf(name: string, { shape, data }: StateTensor): TensorEntry {
  const row = data.length / (shape[0] ?? 1);
  return new TensorEntry(name, "F32", shape, ([start, end]) =>
    Promise.resolve(new Uint8Array(data.slice(start * row, end * row).buffer)),
  );
}
