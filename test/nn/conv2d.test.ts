import { expect, it } from "vitest";
import { openGpu } from "../../src/gpu/open.js";
import type { TuningTable } from "../../src/gpu/tuning.js";
import { Conv2d } from "../../src/nn/conv2d.js";
import { Arena } from "../../src/tensor/arena.js";
import { TensorEntry } from "../../src/weights/tensor-entry.js";
import { WeightStore } from "../../src/weights/weight-store.js";
import { expectClose, Random } from "../support/gpu.js";

const [inputs, outputs, size] = [12, 20, 7];
const random = new Random(3);
const values = {
  weight: random.normals(outputs * inputs * 9),
  bias: random.normals(outputs),
  x: random.normals(2 * size * size * inputs),
};
const shapes = { weight: [outputs, inputs, 3, 3], bias: [outputs] };

/** A file with a weight and a bias. */
const tensors = new Map(
  (["weight", "bias"] as const).map((name) => {
    const [rows = 1, ...rest] = shapes[name];
    const length = rest.reduce((product, one) => product * one, 4);
    const bytes = new Uint8Array(values[name].buffer);
    const read = ([start, end]: readonly [number, number]) =>
      Promise.resolve(bytes.slice(start * length, Math.min(end, rows) * length));
    return [name, new TensorEntry(name, "F32", shapes[name], read)] as const;
  }),
);

/** What the layer computes on a device with a table, and the bytes of its weights. */
async function run(tuning: TuningTable, standardize: boolean) {
  using gpu = await openGpu({ tuning });
  using stream = gpu.stream();
  const arena = new Arena(stream);
  using store = new WeightStore(arena, { name: "test", tensors });
  const layer = new Conv2d(store.root, inputs, outputs, 3, { padding: 1, standardize });
  await store.load();
  using y = layer.forward(arena.from(values.x, [2, size, size, inputs]));
  return { y: await y.read(), bytes: store.gpuBytes };
}

const products = [{ kernel: "broadcast", ownRows: 1 }] as const;
const rule = { minChannels: 1, maxBytes: 2 ** 20 };

it.each([false, true])("computes by Winograd what it computes by sums, standardised: %s", async (standardize) => {
  const direct = await run({ id: "direct", products: [] }, standardize);
  const tiled = await run({ id: "tiled", products, winograd: [{ form: "f4", ...rule }] }, standardize);
  expect(tiled.bytes).toBeGreaterThan(3 * direct.bytes);
  expectClose(tiled.y, direct.y, { maxRelative: 1e-5 });
});

it("computes images of few tiles by sums, in any batch", async () => {
  const direct = await run({ id: "direct", products }, false);
  const tiles = Math.ceil(size / 4) ** 2;
  const few = await run({ id: "few", products, winograd: [{ form: "f4", ...rule, minTiles: tiles + 1 }] }, false);
  expect(few.y).toEqual(direct.y);
  const enough = await run({ id: "enough", products, winograd: [{ form: "f4", ...rule, minTiles: tiles }] }, false);
  expect(enough.y).not.toEqual(direct.y);
});
