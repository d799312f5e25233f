import { expect, it, vi } from "vitest";
import { createWorkerEngine } from "../../../web/src/engine/worker-engine.js";

const adapter = {
  adapter: { vendor: "fake" },
  features: { f16: false },
  limits: { maxStorageBufferBindingSize: 2 ** 27 },
  tuning: { id: "of this adapter" },
  memoryBytes: undefined,
};
const client = { openGpu: vi.fn(() => Promise.resolve(adapter)), planMemory: vi.fn(() => Promise.resolve({})) };

vi.mock(import("dalle2-webgpu"), async (original) => ({
  ...(await original()),
  createWorkerClient: () => client as never,
}));

it("plans memory for the adapter of this computer", async () => {
  const engine = createWorkerEngine(() => undefined);
  await engine.planMemory("model.json", "f32", "int8");
  expect(client.planMemory).toHaveBeenCalledWith("model.json", {
    dtype: "f32",
    weights: "int8",
    batchSize: 1,
    gpu: adapter,
    maxBindingSize: 2 ** 27,
  });
  await engine.planMemory("model.json", "f32");
  expect(client.openGpu).toHaveBeenCalledTimes(1);
});
