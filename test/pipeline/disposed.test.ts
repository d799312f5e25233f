import { expect, it, vi } from "vitest";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { GpuLimitError } from "../../src/gpu/errors.js";
import { openGpu } from "../../src/gpu/open.js";
import type { CommandStream } from "../../src/gpu/stream.js";
import { DisposedError } from "../../src/platform/disposed-error.js";
import { DalleModelManager, type ManagerOptions } from "../../src/pipeline/manager/model-manager.js";
import { BasicInference, type BasicInferenceOptions } from "../../src/pipeline/scripts/basic-inference.js";
import { sharedGpu } from "../support/gpu.js";

const few = { priorSteps: 2, decoderSteps: [2, 2], seed: 1 };

async function create(options: ManagerOptions = {}): Promise<DalleModelManager> {
  return DalleModelManager.create(await ModelLoadConfig.fromJsonPath("configs/shapes.json"), options);
}

function generate(manager: DalleModelManager, options: BasicInferenceOptions = {}): Promise<unknown> {
  return new BasicInference(manager).run("a red circle", { ...few, ...options });
}

it("every method rejects with DisposedError after disposal", async () => {
  const manager = await create({ gpu: await sharedGpu() });
  await generate(manager);
  manager.dispose();
  manager.dispose();
  const calls = [
    () => generate(manager),
    () => new BasicInference(manager).run("a text that was not encoded before", few),
    () => manager.load(),
    () => manager.warmup(),
    () => manager.encodeTexts([new Int32Array([1])]),
    () => manager.useCascade("U-Net 1", () => Promise.resolve()),
  ];
  for (const call of calls) {
    const calling = call();
    await expect(calling).rejects.toThrow(DisposedError);
    await expect(calling).rejects.toThrow("The model manager was disposed. Create another.");
  }
});

it.each([
  ["its weights are read", undefined],
  ["the prior runs", "prior"],
  ["the decoder runs", "decoder"],
] as const)("says so where it is disposed while %s, on its own device or another", async (_, phase) => {
  for (const gpu of [await sharedGpu(), undefined]) {
    const manager = await create({ gpu });
    const running = generate(manager, {
      onProgress: (progress) => {
        if (progress.phase === phase) manager.dispose();
      },
    });
    if (phase === undefined) {
      setTimeout(() => {
        manager.dispose();
      }, 1);
    }
    const error: unknown = await running.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DisposedError);
    expect((error as Error).message).toMatch(/^The model manager was disposed/);
  }
});

it("closes its streams on a device that it does not own, also if create fails", async () => {
  const gpu = await sharedGpu();
  const open = vi.spyOn(gpu, "stream");
  const manager = await create({ gpu });
  await generate(manager);
  manager.dispose();
  const config = ModelLoadConfig.parse({ prior: { load_model_from: { load_type: "local", path: "none.pth" } } });
  await expect(DalleModelManager.create(config, { gpu })).rejects.toThrow("none.pth");
  const streams = open.mock.results.map(({ value }) => value as CommandStream);
  open.mockRestore();
  expect(streams.length).toBeGreaterThan(2);
  for (const stream of streams) await expect(stream.sync()).rejects.toThrow("closed");
});

it("does not change a device that it does not own", async () => {
  const gpu = await sharedGpu();
  const { live } = gpu.memory();
  const manager = await create({ gpu });
  const running = generate(manager, {
    onProgress: ({ phase }) => {
      if (phase === "decoder") manager.dispose();
    },
  });
  await expect(running).rejects.toThrow(DisposedError);
  expect(gpu.memory().live).toBe(live);
});

it("gives advice about weights if a weight is larger than a buffer may be", async () => {
  const gpu = await openGpu({ maxBufferSize: 2 ** 12 });
  const creating = create({ gpu });
  await expect(creating).rejects.toThrow(GpuLimitError);
  await expect(creating).rejects.toThrow(/^weight [\w.]+ f32\[[\d, ]+\] needs \d+ bytes in one buffer/);
  await expect(creating).rejects.toThrow(/Use an adapter with a larger limit, dtype "f16".*or weights "int8"/);
  await expect(creating).rejects.not.toThrow(/batch/);
  gpu.dispose();
});
