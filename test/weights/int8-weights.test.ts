import { afterAll, expect, it } from "vitest";
import { Arena } from "../../src/tensor/arena.js";
import { fileSize, padRows, partsOf } from "../../src/weights/head-axis.js";
import { TensorEntry } from "../../src/weights/tensor-entry.js";
import { WeightStore } from "../../src/weights/weight-store.js";
import { weightStandardize } from "../../src/ops/norm.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { weightStandardize as standardize64 } from "../support/oracle-norm.js";
import { Random, sharedGpu } from "../support/gpu.js";
import { decodeInt8, expectNearest } from "../support/int8.js";

afterAll(async () => {
  (await sharedGpu()).dispose();
});

const TAPS = 9;
const heads = { heads: 2, dimHead: 6 };
const SHAPES = {
  linear: [30, 10],
  heads: [fileSize(heads), 10],
  matrix: [10, 30],
  conv: [22, 6, 3, 3],
  standardized: [22, 6, 3, 3],
  scaled: [22, 6, 3, 3],
  transposed: [7, 8, 4, 4],
} as const;
type Name = keyof typeof SHAPES;

const random = new Random(3);
const values = Object.fromEntries(
  Object.entries(SHAPES).map(([name, shape]) => [
    name,
    random.normals(shape.reduce<number>((product, size) => product * size, 1)),
  ]),
) as Record<Name, Float32Array>;
const factors = random.normals(22);

/** A file with the values, in f32. */
function source() {
  const entry = (name: Name): [string, TensorEntry] => {
    const row = values[name].length / SHAPES[name][0];
    const read = ([start, end]: readonly [number, number]) =>
      Promise.resolve(new Uint8Array(values[name].slice(start * row, end * row).buffer));
    return [name, new TensorEntry(name, "F32", SHAPES[name], read)];
  };
  return { name: "int8.safetensors", tensors: new Map((Object.keys(SHAPES) as Name[]).map(entry)) };
}

const rowOf =
  (name: Name) =>
  (at: number): number =>
    Math.floor(at / (values[name].length / SHAPES[name][0]));

/** Loads all weights, with bindings so small that the f32 of some outputs is quantised at a time. */
async function load(dtype: "f32" | "f16") {
  // Some 2 KB hold each weight in int8, but not in f32.
  const stream = (await sharedGpu()).stream({ maxBindingSize: 2304 });
  const store = new WeightStore(new Arena(stream, dtype, { weights: "int8" }), source());
  const { root } = store;
  const tensors = {
    linear: root.linear("linear", [30, 10]),
    heads: root.linear("heads", [heads, 10]),
    matrix: root.matrix("matrix", [10, 30]),
    conv: root.conv("conv", SHAPES.conv),
    standardized: root.conv("standardized", SHAPES.standardized, { prepare: (weight) => weightStandardize(weight) }),
    scaled: root.conv("scaled", SHAPES.scaled, { outputScale: () => factors }),
    transposed: root.conv("transposed", SHAPES.transposed, { isTransposed: true }),
  } satisfies Record<Name, Tensor>;
  await store.load();
  return { store, tensors };
}

it("weights of products are stored in int8, whatever the dtype of activations", async () => {
  const { store, tensors } = await load("f32");
  const { linear, conv, standardized, scaled, transposed } = tensors;
  for (const [name, tensor] of Object.entries(tensors)) expect([name, tensor.dtype]).toEqual([name, "int8"]);
  expectNearest(await decodeInt8(linear), values.linear, rowOf("linear"));
  expectNearest(await decodeInt8(conv), values.conv, rowOf("conv"));
  const column = (at: number): number => Math.floor(at / 16) % 8;
  expectNearest(await decodeInt8(transposed, true), values.transposed, column);

  // As they are used, not as they are in the file.
  const times = values.scaled.map((value, at) => value * factors[rowOf("scaled")(at)]!);
  expectNearest(await decodeInt8(scaled), times, rowOf("scaled"));
  const size = TAPS * 6;
  const outputsInside = values.standardized.map(
    (_, at) => values.standardized[(at % 22) * size + Math.floor(at / 22)]!,
  );
  const standard = standardize64(outputsInside, [TAPS, 6, 22], 1e-5);
  const { values: got, scales } = await decodeInt8(standardized);
  const off = got.map(
    (value, at) =>
      Math.abs(value - standard[(at % size) * 22 + Math.floor(at / size)]!) / scales[rowOf("standardized")(at)]!,
  );
  // Half a step, and what f32 adds to a value of 127 steps.
  expect(Math.max(...off)).toBeLessThanOrEqual(0.5 + 127 * 1e-5);
  store.dispose();
});

it("matrices and weights with padded heads have a scale for each output, too", async () => {
  const { store, tensors } = await load("f16");
  const turned = Float32Array.from({ length: 300 }, (_, at) => values.matrix[(at % 10) * 30 + Math.floor(at / 10)]!);
  expectNearest(await decodeInt8(tensors.matrix), turned, rowOf("linear"));
  const [part] = partsOf(heads, 100);
  const padded = padRows(values.heads, part!, 10, 1);
  expectNearest(await decodeInt8(tensors.heads), padded, (at) => Math.floor(at / 10));
  store.dispose();
});

it("take a quarter of their bytes in f32, and four for each output", async () => {
  using stream = (await sharedGpu()).stream();
  const bytesOf = (weights?: "int8"): number[] => {
    using store = new WeightStore(new Arena(stream, "f32", { weights }), source());
    const { root } = store;
    const tensors = [
      root.conv("conv", SHAPES.conv),
      root.conv("transposed", SHAPES.transposed, { isTransposed: true }),
    ];
    return tensors.map(({ storage }) => storage.byteLength);
  };
  const counts = [9 * 8 * 24, 16 * 8 * 8] as const;
  expect(bytesOf()).toEqual(counts.map((count) => 4 * count));
  expect(bytesOf("int8")).toEqual([counts[0] + 4 * 24, counts[1] + 4 * 8]);
});
