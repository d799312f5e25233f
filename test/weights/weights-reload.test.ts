import { expect, it } from "vitest";
import { Conv2d } from "../../src/nn/conv2d.js";
import type { TensorSource } from "../../src/weights/tensor-source.js";
import { WeightSet } from "../../src/weights/weight-set.js";
import { WeightStore } from "../../src/weights/weight-store.js";
import { TensorEntry } from "../../src/weights/tensor-entry.js";
import { openTestArena, Random, sharedGpu } from "../support/gpu.js";

/** A file with the weight and bias of a convolution, and one more tensor, that counts how often it is read. */
function convFile() {
  const random = new Random(1);
  const counts = { reads: 0 };
  const entry = (name: string, shape: readonly number[]): [string, TensorEntry] => {
    const values = random.normals(shape.reduce((product, size) => product * size, 1));
    const rowLength = values.length / shape[0]!;
    const read = ([start, end]: readonly [number, number]) => {
      counts.reads++;
      return Promise.resolve(new Uint8Array(values.slice(start * rowLength, end * rowLength).buffer));
    };
    return [name, new TensorEntry(name, "F32", shape, read)];
  };
  const tensors = new Map([entry("a.weight", [8, 4, 3, 3]), entry("a.bias", [8]), entry("b.bias", [2])]);
  return { source: { name: "conv.pth", tensors } satisfies TensorSource, counts };
}

it("weights that were computed from others come back when they are loaded again", async () => {
  const arena = await openTestArena();
  const { source, counts } = convFile();
  using store = new WeightStore(arena, source);
  const conv = new Conv2d(store.root.at("a"), 4, 8, 3, { standardize: true });
  store.ignore((name) => name === "b.bias");
  const x = arena.from(new Random(2).normals(4 * 25), [1, 5, 5, 4]);
  const forward = () => arena.scope(() => conv.forward(x)).read();

  expect(() => conv.forward(x)).toThrow("was used while its weights were not loaded");
  await store.load();
  const { reads } = counts;
  const first = await forward();
  const { live } = (await sharedGpu()).memory();
  store.unload();
  expect(store.isLoaded).toBe(false);
  expect((await sharedGpu()).memory().live).toBe(live - 2);
  expect(() => conv.forward(x)).toThrow("was used while its weights were not loaded");
  await store.load();
  expect(counts.reads).toBe(2 * reads);
  expect(await forward()).toEqual(first);
  await arena.checkGuards();
});

it("stores that share a file know together what fits", async () => {
  const arena = await openTestArena();
  const { source } = convFile();
  const [a, b] = [new WeightStore(arena, source), new WeightStore(arena, source)];
  using set = new WeightSet([a, b]);
  a.root.at("a").conv("weight", [8, 4, 3, 3]);
  a.root.at("a").vector("bias", 8);
  expect(new WeightSet([a]).problems()).toEqual({ missing: [], unused: ["b.bias"], misshapen: [] });
  b.root.at("b").vector("bias", 3);
  expect(set.problems()).toEqual({
    missing: [],
    unused: [],
    misshapen: [{ name: "b.bias", got: [2], expected: [3] }],
  });
});

it("what a file lacks is zero, also in memory that was used before", async () => {
  const arena = await openTestArena();
  const { source } = convFile();
  using store = new WeightStore(arena, source);
  const bias = store.root.at("c").vector("bias", 64);
  const used = arena.detached([64], "f32");
  arena.upload(used, new Float32Array(64).fill(7));
  await arena.stream.sync();
  used.dispose();
  await store.load({ strict: false, onWarning: () => undefined });
  expect([...(await bias.read())]).toEqual(new Array(64).fill(0));
});

it("names every large weight by its name in the file if it does not fit", async () => {
  const arena = await openTestArena();
  using store = new WeightStore(arena, convFile().source);
  const weights = store.root.at("c");
  const tensors = [weights.linear("q", [3, 2]), weights.matrix("proj", [2, 3]), weights.table("positions", [2, 3])];
  expect(tensors.map(({ storage }) => storage.label)).toEqual([
    "weight c.q f32[2, 3]",
    "weight c.proj f32[2, 3]",
    "weight c.positions f32[2, 3]",
  ]);
});
