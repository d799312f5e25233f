import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryCounter } from "../../../src/gpu/executors/count.js";
import { AutoencoderDecoder } from "../../../src/models/diffusers/autoencoder/decoder.js";
import { AutoencoderEncoder } from "../../../src/models/diffusers/autoencoder/encoder.js";
import { groupNorms, spatialNorms, type Norms } from "../../../src/models/diffusers/autoencoder/norms.js";
import type { AutoencoderOptions } from "../../../src/models/diffusers/autoencoder/options.js";
import { Arena } from "../../../src/tensor/arena.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import type { Weights } from "../../../src/weights/store.js";
import { expectClose, openTestArena, Random } from "../../support/gpu.js";
import { loadState, randomState } from "../../support/random-weights.js";
import { RecordingStore } from "../../support/recording-store.js";

const OPTIONS: AutoencoderOptions = {
  imageChannels: 3,
  latentChannels: 4,
  widths: [32, 64, 64],
  layers: 1,
  groups: 32,
  attendsDown: [false, false, true],
  attendsUp: [true, false, false],
};

let arena: Arena;
beforeAll(async () => {
  arena = await openTestArena();
});
afterAll(async () => {
  await arena.checkGuards();
});

const random = new Random(3);
const normals = (shape: readonly number[]): Tensor =>
  arena.from(random.normals(shape.reduce((product, axis) => product * axis, 1)), shape);

async function loaded<Model>(declare: (weights: Weights) => Model) {
  return loadState(arena, randomState(arena, declare, 11), declare);
}

/** Bytes of a feature map with so many pixels and channels. */
const mapOf = (pixels: number, channels: number): number => 4 * pixels * channels;

/** Sums are in another order, and each of some twenty layers rounds. */
const BOUNDS = { maxRelative: 1e-5 };

describe("the decoder by rows gives the numbers of the whole", () => {
  const [height, width] = [7, 5];
  const latentPixels = 2 * height * width;
  it.each<[string, string, Norms, number]>([
    ["group norms", "every resolution", groupNorms(32), 1],
    ["group norms", "the largest resolution", groupNorms(32), mapOf(4 * latentPixels, 64)],
    ["spatial norms", "every resolution", spatialNorms(4), 1],
    ["spatial norms", "all but the smallest resolution", spatialNorms(4), mapOf(latentPixels, 64)],
    ["spatial norms", "the largest resolution", spatialNorms(4), mapOf(4 * latentPixels, 64)],
  ])("with %s, in %s", async (_, __, norms, mapBytes) => {
    const { model, store } = await loaded((weights) => new AutoencoderDecoder(weights, OPTIONS, norms));
    const [x, latents] = [normals([2, height, width, 4]), normals([2, height, width, 4])];
    using whole = model.forward(x, latents);
    using byRows = model.forward(x, latents, { mapBytes });
    expect(byRows.shape).toEqual([2, 4 * height, 4 * width, 3]);
    expectClose(await byRows.read(), await whole.read(), BOUNDS);
    x.dispose();
    latents.dispose();
    store.dispose();
  });
});

describe("the encoder by rows gives the numbers of the whole", () => {
  it.each([
    ["even", 24, 16],
    ["odd", 23, 17],
    ["odd when halved", 22, 18],
  ])("for sides that are %s", async (_, height, width) => {
    const { model, store } = await loaded((weights) => new AutoencoderEncoder(weights, OPTIONS));
    const x = normals([2, height, width, 3]);
    using whole = model.forward(x);
    const expected = await whole.read();
    for (const mapBytes of [1, mapOf(2 * height * width, 32) - 1]) {
      using byRows = model.forward(x, { mapBytes });
      expect(byRows.shape).toEqual(whole.shape);
      expectClose(await byRows.read(), expected, BOUNDS);
    }
    x.dispose();
    store.dispose();
  });
});

describe("the memory by rows", () => {
  /** Bytes that a pass takes beside the weights, with the largest feature map in one piece or not. */
  function peak(pass: (weights: Weights) => (counted: Arena) => Tensor): number {
    const counter = new MemoryCounter();
    const counted = new Arena(counter.stream);
    const store = new RecordingStore(counted);
    const run = pass(store.root);
    store.reserve();
    const weightBytes = counter.memory().liveBytes;
    counted.scope(() => run(counted).shape);
    return counter.memory().peakBytes - weightBytes;
  }
  const side = 64;
  const largest = mapOf((4 * side) ** 2, 64);

  it("of the decoder stays near the largest feature map, which three of are as a whole", () => {
    const decoding = (mapBytes: number) =>
      peak((weights) => {
        const model = new AutoencoderDecoder(weights, OPTIONS, spatialNorms(4));
        return (counted) => {
          const latents = counted.empty([1, side, side, 4]);
          return model.forward(latents, latents, { mapBytes });
        };
      });
    expect(decoding(largest) / largest).toBeGreaterThan(3);
    expect(decoding(largest - 1) / largest).toBeLessThan(1.8);
  });

  it("of the encoder stays near the largest feature map, which three of are as a whole", () => {
    const wide = { ...OPTIONS, widths: [64, 64, 64] };
    const encoding = (mapBytes: number) =>
      peak((weights) => {
        const model = new AutoencoderEncoder(weights, wide);
        return (counted) => model.forward(counted.empty([1, 4 * side, 4 * side, 3]), { mapBytes });
      });
    expect(encoding(largest) / largest).toBeGreaterThan(3);
    expect(encoding(largest - 1) / largest).toBeLessThan(1.8);
  });
});
