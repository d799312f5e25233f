import { expect, it } from "vitest";
import { MemoryCounter } from "../../src/gpu/executors/count.js";
import { Arena } from "../../src/tensor/arena.js";
import { TensorEntry } from "../../src/weights/tensor-entry.js";
import { WeightStore } from "../../src/weights/weight-store.js";

/** Weights on a device whose table keeps half weights, or does not. */
function storeWith(keepsHalfWeights: boolean, dtype: "F16" | "F32"): WeightStore {
  const { stream } = new MemoryCounter(undefined, { tuning: { id: "test", products: [], keepsHalfWeights } });
  const entries = ["a.weight", "b.weight"].map((name) => new TensorEntry(name, dtype, [8, 4, 1, 1]));
  const tensors = new Map(entries.map((entry) => [entry.name, entry]));
  return new WeightStore(new Arena(stream, "f32"), { name: "test", tensors });
}

const typesIn = (store: WeightStore) => [
  store.root.at("a").conv("weight", [8, 4, 1, 1]).dtype,
  store.root.at("b").conv("weight", [8, 4, 1, 1], { prepare: (weight) => weight }).dtype,
];

it("stores a weight in f16 where the file has it so and the table wants it, unless others take its place", () => {
  expect(typesIn(storeWith(true, "F16"))).toEqual(["f16", "f32"]);
  expect(typesIn(storeWith(true, "F32"))).toEqual(["f32", "f32"]);
  expect(typesIn(storeWith(false, "F16"))).toEqual(["f32", "f32"]);
});
