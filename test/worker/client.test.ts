import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readFile } from "node:fs/promises";
import { maskFromRed } from "../../src/image/mask.js";
import { makeImage } from "../../src/image/image.js";
import type { GeneratedImage } from "../../src/pipeline/generated-image.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import type { WarmupProgress } from "../../src/pipeline/manager/warmup.js";
import { planMemory } from "../../src/pipeline/manager/memory-plan.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import type { ScriptProgress } from "../../src/pipeline/script-options.js";
import { BasicInference } from "../../src/pipeline/scripts/basic-inference.js";
import { createWorkerClient, type WorkerClient } from "../../src/worker/client.js";
import type { RemoteManager } from "../../src/worker/remote-manager.js";
import { FakeWorker } from "../support/fake-worker.js";
import { sharedGpu } from "../support/gpu.js";

/** Few steps, because the content of the images does not matter. */
const few = { priorSteps: 2, decoderSteps: [2, 1], seed: 7 };
const PROMPT = "a red circle on a white background";

let here: DalleModelManager;
let client: WorkerClient;
let manager: RemoteManager;

beforeAll(async () => {
  here = await DalleModelManager.create("shapes", { gpu: await sharedGpu(), dtype: "f32" });
  client = createWorkerClient({ worker: () => new FakeWorker() });
  manager = await client.open("shapes", { dtype: "f32" });
});

afterAll(() => {
  client.dispose();
  here.dispose();
});

/** What `run` reports while it runs. */
function recorder() {
  const steps: Omit<ScriptProgress, "millisecondsLeft">[] = [];
  const images: [GeneratedImage, number][] = [];
  return {
    steps,
    images,
    onProgress: ({ millisecondsLeft, ...progress }: ScriptProgress) => {
      expect([undefined, "number"]).toContain(millisecondsLeft === undefined ? undefined : typeof millisecondsLeft);
      steps.push(progress);
    },
    onImage: (image: GeneratedImage, index: number) => void images.push([image, index]),
  };
}

describe("a worker", () => {
  it("describes models and their device as the library does", () => {
    const { prior, decoder, clip, dtype, weightFormat, defaults, config } = here;
    expect(manager.config).toEqual({ source: "shapes", data: config.data });
    expect(manager.prior).toEqual(prior);
    expect(manager.decoder).toEqual(decoder);
    expect(manager.decoder!.requirements.problems({})).toEqual(decoder!.requirements.problems({}));
    expect([manager.clip, manager.dtype, manager.weightFormat]).toEqual([clip, dtype, weightFormat]);
    expect(manager.defaults).toEqual(defaults);
    const { adapter, features, tuning, limits } = here.gpu;
    expect([manager.gpu.adapter, manager.gpu.features, manager.gpu.tuning]).toEqual([adapter, features, tuning]);
    expect(manager.gpu.limits.maxBufferSize).toBe(limits.maxBufferSize);
    expect(Object.values(manager.gpu.limits).every((limit) => limit > 0)).toBe(true);
  });

  it("generates the images of the library, with progress, previews and each image as it is done", async () => {
    const options = { ...few, decoderSampleCount: 2, decoderBatchSize: 1, previewEvery: 1 };
    const [mine, theirs] = [recorder(), recorder()];
    const images = await manager.script("BasicInference").run(PROMPT, { ...options, ...mine });
    expect(images).toEqual(await new BasicInference(here).run(PROMPT, { ...options, ...theirs }));
    expect(images.get(0)!.get(0)![0]!.parameters).toMatchObject({ script: "BasicInference", text: PROMPT });
    expect(mine.steps).toEqual(theirs.steps);
    expect(mine.steps.filter(({ preview }) => preview !== undefined).length).toBeGreaterThan(2);
    expect(mine.images).toEqual(theirs.images);
    expect(mine.images.map(([, index]) => index)).toEqual([0, 1]);
  });

  it("writes records that say which models generated an image, under the name that the page gives its load config", async () => {
    const generatedOn = await manager.generatedOn();
    expect(generatedOn).toEqual(await here.generatedOn());
    expect(generatedOn.software).toMatch(/^dalle2-webgpu \d+\.\d+\.\d+$/);
    expect(generatedOn.model.config).toBeUndefined();
    expect(generatedOn.model.files.map(({ name }) => name)).toContain("decoder.safetensors");
    expect((await manager.generatedOn({ config: "mine" })).model.config).toBe("mine");
    const image = { ...makeImage(2, 2, 3, new Uint8Array(12)), seed: 5, parameters: { script: "Mine", tuning: "t" } };
    const file = await client.encodeRecorded(image, { generatedOn, inputs: { prompt: PROMPT } });
    const { record, texts } = await client.readImageRecord(new Blob([file]));
    expect(record).toMatchObject({ seed: 5, inputs: { prompt: PROMPT }, model: generatedOn.model });
    expect(texts.Description).toBe(PROMPT);
    await expect(client.readImageRecord(new File(["no image"], "a.png"))).rejects.toThrow("a.png: this is not a PNG");
  });

  it("runs scripts whose inputs are images, masks and embeddings", async () => {
    const image = (await manager.script("BasicInference").run(PROMPT, few)).get(0)!.get(0)![0]!;
    const mask = maskFromRed(
      makeImage(
        64,
        64,
        3,
        Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i % 384) & 192),
      ),
    );
    const painted = await manager.script("BasicInpainting").run([image], [mask], PROMPT, { ...few, resampleTimes: 1 });
    expect(painted.get(0)![0]!.width).toBe(64);
    const embed = manager.script("Embed");
    const [embedding] = await embed.images([image]);
    const again = await embed.texts([PROMPT]);
    // Texts are kept in the worker, so what the page gets must be a copy.
    expect(await embed.texts([PROMPT])).toEqual(again);
    const one = { steps: [1, 1], seed: 1, text: PROMPT };
    expect(await manager.script("ImageVariation").run([embedding!], one)).toEqual(
      await manager.script("ImageVariation").run([image], one),
    );
  });

  it("encodes, decodes, resizes and inspects files", async () => {
    const image = makeImage(
      2,
      2,
      3,
      Uint8Array.from({ length: 12 }, (_, i) => i * 20),
    );
    const file = await client.encodeImage(image, { text: { Seed: "7" } });
    expect(image.data).toHaveLength(12);
    expect((await client.readImageText(new Blob([file]))).get("Seed")).toBe("7");
    expect(await client.decodeImage(new Blob([file]))).toEqual(await client.decodeImage(file));
    expect((await client.resizeLanczos(image, 4, 3)).data).toHaveLength(36);
    expect((await client.resizeBicubic(image, 1, 1)).data).toHaveLength(3);
    const weights = new Blob([await readFile("configs/shapes/prior.safetensors")]);
    expect(await client.inspect(weights)).toMatchObject({ file: "blob", format: "safetensors", weights: "online" });
    expect((await client.loadImage("examples/images/red-circle.png")).channels).toBe(3);
  });

  it("plans memory, lists and clears a folder of downloads, and keeps its device's memory small", async () => {
    const config = await ModelLoadConfig.named();
    const options = { dtype: "f32", batchSize: 1 } as const;
    expect(await client.planMemory("shapes", { ...options, gpu: manager.gpu })).toEqual(
      await planMemory(config, { ...options, gpu: here.gpu }),
    );
    expect(await client.listCache("no-such-folder")).toEqual([]);
    expect(await client.clearCache("no-such-folder", () => true)).toEqual([]);
    const compiled: WarmupProgress[] = [];
    await manager.warmup({ ...few, onProgress: (one) => compiled.push(one) });
    expect(compiled.at(-1)).toEqual({
      compiledKernels: compiled[0]!.totalKernels,
      totalKernels: compiled[0]!.totalKernels,
    });
    await manager.load();
    const loaded = await manager.gpu.memory();
    await manager.offloadIdle();
    await manager.gpu.trim();
    expect((await manager.gpu.memory()).liveBytes).toBeLessThan(loaded.liveBytes);
    expect((await manager.gpu.counters()).submits).toBeGreaterThan(0);
    expect(await manager.gpu.kernelTimes()).toEqual([]);
    expect(await manager.offload()).toBe("never");
  });

  it("shares a device between model managers", async () => {
    using gpu = await client.openGpu({ memoryLimit: 2 ** 30 });
    expect(gpu.memoryBytes).toBe(2 ** 30);
    using first = await client.open("shapes", { gpu, dtype: "f32" });
    using second = await client.open({ data: first.config.data, source: "configs/shapes.json" }, { gpu, dtype: "f32" });
    expect(second.gpu).toBe(gpu);
    using third = await client.open(first.config, { gpu, dtype: "f32" });
    expect(third.config).toEqual(first.config);
    const { decoder } = first.config.data;
    const changed = { ...first.config.data, decoder: { ...decoder!, final_unet_number: 1 } };
    using fourth = await client.open({ data: changed, source: first.config.source }, { gpu, dtype: "f32" });
    expect(fourth.config.data.decoder).toMatchObject({ final_unet_number: 1 });
    // The command repeats an image with the load config that its record names.
    const named = async (manager: typeof first) => (await manager.generatedOn()).model.config;
    expect([await named(third), await named(fourth)]).toEqual([undefined, "shapes, changed"]);
    await first.load();
    const { liveBytes } = await gpu.memory();
    await second.load();
    expect((await gpu.memory()).liveBytes).toBeGreaterThan(liveBytes * 1.5);
  });
});
