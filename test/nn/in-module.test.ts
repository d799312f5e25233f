import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { GpuDevice } from "../../src/gpu/device.js";
import { GpuOutOfMemoryError, GpuValidationError } from "../../src/gpu/errors.js";
import { currentDialect } from "../../src/models/dalle2-pytorch/dialect/dialect.js";
import { resolveUnetConfig } from "../../src/models/dalle2-pytorch/options.js";
import { unetConfig } from "../../src/models/dalle2-pytorch/train-config.js";
import { unetArchitecture } from "../../src/models/dalle2-pytorch/unet/architecture.js";
import { ConditionLayers } from "../../src/models/dalle2-pytorch/unet/conditioning.js";
import { ResnetBlock } from "../../src/models/dalle2-pytorch/unet/resnet-block.js";
import { inModule } from "../../src/nn/in-module.js";
import { ShapeError } from "../../src/ops/shape-error.js";
import { Arena } from "../../src/tensor/arena.js";
import { WeightStore } from "../../src/weights/weight-store.js";
import { openGpu } from "../../src/gpu/open.js";
import { portableTable } from "../../src/gpu/tuning.js";

const PATH = "unets.0.downs.1.2";
const config = unetConfig.parse({ dim: 8, dim_mults: [1, 2], resnet_groups: 4, attn_dim_head: 8, attn_heads: 2 });
const layers = new ConditionLayers();
const unet = { ...unetArchitecture(resolveUnetConfig(config), currentDialect.network), layers };

let gpu: GpuDevice;
let arena: Arena;
let store: WeightStore;
let block: ResnetBlock;

beforeAll(async () => {
  gpu = await openGpu({ tuning: portableTable });
  arena = new Arena(gpu.stream());
  // The file is empty: the weights are zero.
  store = new WeightStore(arena, { name: "nothing", tensors: new Map() });
  block = new ResnetBlock(store.root.at("unets", 0, "downs", 1, 2), 8, 8, { groups: 4 }, unet);
  await store.load({ strict: false });
});

afterAll(() => {
  store.dispose();
  gpu.dispose();
});

/** Runs the block on zeros with this number of channels. */
function forward(channels: number) {
  return arena.scope(() => {
    const zeros = (...shape: number[]) => arena.from(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
    const conditions = {
      modulations: zeros(1, layers.modulations.width),
      contexts: { withoutText: undefined, withText: undefined },
    };
    return block.forward(zeros(1, 4, 4, channels), conditions);
  });
}

/** Returns the error that a call rejects with. */
const failure = async (call: () => Promise<unknown>): Promise<unknown> => {
  try {
    return await call();
  } catch (error) {
    return error;
  }
};

it("every dispatch of a block belongs to a module in it", () => {
  const { stream } = arena;
  const places: string[] = [];
  const dispatch = stream.dispatch.bind(stream);
  const spy = vi.spyOn(stream, "dispatch").mockImplementation((kernel, call) => {
    places.push(stream.modulePath);
    dispatch(kernel, call);
  });
  forward(8).dispose();
  spy.mockRestore();
  expect(places).toContain(`${PATH}.block1.project`);
  expect(places).toContain(`${PATH}.block2.norm`);
  expect(places.filter((place) => !place.startsWith(`${PATH}.`))).toEqual([]);
  expect(stream.modulePath).toBe("");
});

it("the error of a wrong shape names the layer that got the tensor", async () => {
  const error = await failure(() => Promise.resolve().then(() => forward(5)));
  expect(error).toBeInstanceOf(ShapeError);
  const { place, message } = error as ShapeError;
  expect(place?.module).toBe(`${PATH}.block1.project`);
  expect(message).toMatch(/^unets\.0\.downs\.1\.2\.block1\.project: conv2d: /);
  expect(arena.stream.modulePath).toBe("");
});

it("the error of the GPU names the layer that caused it", async () => {
  const { stream } = arena;
  const module = `${PATH}.block2.project`;
  using other = await openGpu();
  const elsewhere = new Arena(other.stream());
  const { storage } = elsewhere.from([1, 2, 3, 4], [4]);
  const dispatch = stream.dispatch.bind(stream);
  const spy = vi.spyOn(stream, "dispatch").mockImplementation((kernel, call) => {
    const [first] = Object.keys(call.bindings);
    const planted = { ...call, bindings: { ...call.bindings, [first!]: storage } };
    dispatch(kernel, stream.modulePath === module ? planted : call);
  });
  forward(8).dispose();
  spy.mockRestore();
  const error = await failure(() => stream.sync());
  expect(error).toBeInstanceOf(GpuValidationError);
  expect((error as GpuValidationError).place).toEqual({ operation: "conv2d", module });
  await stream.sync();
});

it("the error of missing memory names the layer that needs it", async () => {
  gpu.memoryLimit = gpu.memory().liveBytes;
  const error = await failure(() =>
    Promise.resolve().then(() => inModule(arena, PATH, () => arena.from(new Float32Array(2 ** 22), [2 ** 22]))),
  );
  gpu.memoryLimit = Infinity;
  expect(error).toBeInstanceOf(GpuOutOfMemoryError);
  expect((error as GpuOutOfMemoryError).place?.module).toBe(PATH);
});
