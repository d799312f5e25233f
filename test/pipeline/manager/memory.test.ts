import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { ModelLoadConfig } from "../../../src/pipeline/load-config.js";
import { Generator } from "../../../src/diffusion/generator.js";
import { GpuOutOfMemoryError } from "../../../src/gpu/errors.js";
import type { GpuDevice } from "../../../src/gpu/device.js";
import type { RgbImage } from "../../../src/image/image.js";
import { BasicInference, type BasicInferenceOptions } from "../../../src/pipeline/scripts/basic-inference.js";
import type { Component } from "../../../src/models/component.js";
import type { Embedding } from "../../../src/pipeline/embedding.js";
import { ImageVariation } from "../../../src/pipeline/scripts/image-variation.js";
import { InferenceScript } from "../../../src/pipeline/inference-script.js";
import { DalleModelManager, type ManagerOptions } from "../../../src/pipeline/manager/model-manager.js";
import type { RandomOptions } from "../../../src/pipeline/randomness.js";
import type { ScriptProgress } from "../../../src/pipeline/script-options.js";
import { fixtureFolder } from "../../support/golden.js";
import { portableTable } from "../../../src/gpu/tuning.js";
import { sharedGpu } from "../../support/gpu.js";

const TEXTS = ["a red square", "a blue circle", "a cat"];

let gpu: GpuDevice;
let warnings: string[];

beforeAll(async () => {
  // With weights in f32: in half of that there is no room for the images of such small models.
  gpu = await sharedGpu({ tuning: portableTable });
});

beforeEach(() => {
  warnings = [];
  gpu.memoryLimit = Infinity;
});

afterAll(() => {
  gpu.dispose();
});

async function openManager(options: ManagerOptions = {}): Promise<DalleModelManager> {
  const config = await ModelLoadConfig.fromJsonPath(`${fixtureFolder("pipeline")}/load_config.json`);
  // The prior of this fixture does not say its version, which gives another warning.
  Object.assign(config.data.prior!, { version: "1.14.2" });
  const onWarning = (message: string): void => {
    warnings.push(message);
  };
  return DalleModelManager.create(config, { gpu, dtype: "f32", onWarning, ...options });
}

function componentsOf({ models: { clip, prior, decoder } }: DalleModelManager): readonly Component[] {
  return [clip!, prior!, decoder!].flatMap(({ components }) => components);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Generates three images in one batch, with few steps. */
async function generate(manager: DalleModelManager, options: BasicInferenceOptions) {
  const byText = await new BasicInference(manager).run(TEXTS, {
    priorSteps: 2,
    decoderSteps: [2, 2],
    ...options,
  });
  return TEXTS.map((_, i) => byText.get(i)!.get(i)![0]!.data);
}

class Embeddings extends InferenceScript {
  async run(texts: readonly string[], options: RandomOptions): Promise<(readonly Embedding[])[]> {
    return [...(await this.samplePrior(texts, { steps: 2, ...options })).values()];
  }
}

/** Peak bytes of tensors during a run. */
async function peakOf(run: () => Promise<unknown>): Promise<number> {
  gpu.trim();
  gpu.resetPeaks();
  await run();
  return gpu.memory().peakBytes;
}

/** A memory limit that a whole batch exceeds, but not its parts. */
async function limitBetween(whole: () => Promise<unknown>, half: () => Promise<unknown>): Promise<number> {
  const [most, less] = [await peakOf(whole), await peakOf(half)];
  expect(less).toBeLessThan(most);
  return (most + less) / 2;
}

describe("a batch without enough memory is computed in parts, with one warning and the same result:", () => {
  it("images, of one generator or with a seed for each", async () => {
    using manager = await openManager();
    await manager.load();
    const seeds = [5, 6, 7];
    const [whole, parted] = [new Generator(5), new Generator(5)];
    const alone = await generate(manager, { seeds });
    let together: Uint8Array[] = [];
    const limit = await limitBetween(
      async () => (together = await generate(manager, { generator: whole })),
      () => generate(manager, { seed: 5, decoderBatchSize: 2 }),
    );
    const { live } = gpu.memory();
    gpu.memoryLimit = limit;
    const steps: ScriptProgress[] = [];
    const onProgress = (step: ScriptProgress): unknown => step.phase === "decoder" && steps.push(step);
    expect(await generate(manager, { generator: parted, onProgress })).toEqual(together);
    expect(await generate(manager, { seeds })).toEqual(alone);
    expect(warnings).toEqual([expect.stringContaining("no memory for 3 images in a batch")]);
    expect(gpu.memory().live).toBe(live);
    expect(gpu.memory().peakBytes).toBeLessThanOrEqual(limit);
    // The generator is in the same state as after a whole batch.
    expect(parted.randn(20)).toEqual(whole.randn(20));
    // Parts count as batches; the whole batch ran no step.
    const places = steps.map(({ batch, batches }) => `${batch} of ${batches}`);
    expect([...new Set(places)]).toEqual(["1 of 2", "2 of 2"]);
    expect(steps.filter(({ millisecondsLeft }) => millisecondsLeft === 0)).toEqual([steps.at(-1)]);
  }, 60_000);

  it("embeddings of the prior, of one generator or with a seed for each", async () => {
    using manager = await openManager();
    const script = new Embeddings(manager);
    const texts = Array.from({ length: 32 }, (_, i) => TEXTS[i % TEXTS.length]!);
    const seeds = texts.map((_, i) => i);
    const alone = await script.run(texts, { seeds });
    let together: (readonly Embedding[])[] = [];
    const peak = await peakOf(async () => (together = await script.run(texts, { seed: 5 })));
    const weights = gpu.memory().liveBytes;
    gpu.memoryLimit = weights + 0.7 * (peak - weights);
    expect(await script.run(texts, { seed: 5 })).toEqual(together);
    expect(await script.run(texts, { seeds })).toEqual(alone);
    expect(warnings).toEqual([expect.stringContaining("no memory for 32 embeddings in a batch")]);
    expect(gpu.memory().liveBytes).toBe(weights);
  }, 60_000);

  it("images that CLIP embeds", async () => {
    using manager = await openManager();
    const photo = (shade: number): RgbImage => ({
      width: 32,
      height: 32,
      channels: 3,
      data: new Uint8Array(32 * 32 * 3).map((_, i) => (i * shade) % 256),
    });
    class Seeing extends ImageVariation {
      see(): Promise<Embedding[]> {
        return this.embedImages(Array.from({ length: 16 }, (_, i) => photo(i + 1)));
      }
    }
    const script = new Seeing(manager);
    const whole = await script.see();
    const [peak, weights] = [await peakOf(() => script.see()), gpu.memory().liveBytes];
    gpu.memoryLimit = weights + 0.7 * (peak - weights);
    expect(await script.see()).toEqual(whole);
    expect(warnings).toHaveLength(1);
  });
});

describe("one image without enough memory", () => {
  it("is a typed error with advice; afterwards the models work as before", async () => {
    using manager = await openManager();
    const whole = await generate(manager, { seed: 1 });
    const largest = Math.max(...manager.models.decoder!.components.map(({ weights }) => weights.gpuBytes));
    gpu.memoryLimit = largest + 2 ** 16;
    const error = await generate(manager, { seed: 1 }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(GpuOutOfMemoryError);
    expect((error as Error).message).toContain('even one at a time; dtype "f16" halves that');
    gpu.memoryLimit = Infinity;
    expect(await generate(manager, { seed: 1 })).toEqual(whole);
    manager.offloadIdle();
    expect(gpu.memory()).toMatchObject({ live: 0, liveBytes: 0 });
  });

  it("is also a typed error if not even the weights fit", async () => {
    using manager = await openManager();
    gpu.memoryLimit = 2 ** 16;
    await expect(generate(manager, { seed: 1 })).rejects.toThrow(GpuOutOfMemoryError);
    await expect(generate(manager, { seed: 1 })).rejects.toThrow(
      "The GPU has no memory for the weights of CLIP's text encoder, which take 1 MiB",
    );
    expect(gpu.memory().live).toBe(0);
    gpu.memoryLimit = Infinity;
    expect(await generate(manager, { seed: 1 })).toHaveLength(3);
  });
});

describe("offload", () => {
  it("idle gives the same images with less memory, and only the last component stays", async () => {
    using kept = await openManager({ offload: "never" });
    await kept.load();
    let images: Uint8Array[] = [];
    const keepPeak = await peakOf(async () => (images = await generate(kept, { seed: 2 })));
    kept.offloadIdle();
    expect(gpu.memory().live).toBe(0);

    using single = await openManager({ offload: "idle" });
    const singlePeak = await peakOf(async () => {
      expect(await generate(single, { seed: 2 })).toEqual(images);
    });
    const weights = componentsOf(kept).map((one) => one.weights.gpuBytes);
    // The peak has the weights of one component instead of all.
    expect(keepPeak - singlePeak).toBeGreaterThanOrEqual(sum(weights) - Math.max(...weights));
    expect(gpu.memory().liveBytes).toBe(weights.at(-1));
    expect(warnings).toEqual([]);
  });

  it("depends on the memory of the device", async () => {
    using roomy = await openManager();
    expect(roomy.offload).toBe("never");
    gpu.memoryLimit = sum(componentsOf(roomy).map((one) => one.weights.gpuBytes));
    using tight = await openManager();
    expect(tight.offload).toBe("idle");
    expect(warnings).toEqual([]);
  });

  it("changes to idle if weights do not fit together, with one warning", async () => {
    using manager = await openManager();
    const generateOne = (from = manager) =>
      new BasicInference(from).run(TEXTS[0]!, { seed: 4, priorSteps: 2, decoderSteps: 2 });
    const alone = await generateOne();
    manager.offloadIdle();
    using idle = await openManager({ offload: "idle" });
    const idlePeak = await peakOf(() => generateOne(idle));
    idle.offloadIdle();
    gpu.memoryLimit = sum(componentsOf(manager).map((one) => one.weights.gpuBytes)) - 1;
    await manager.load();
    expect(manager.offload).toBe("idle");
    // Generating needs more than these small weights take, but no more than with one component at a time.
    gpu.memoryLimit = idlePeak;
    expect(await generateOne()).toEqual(alone);
    expect(warnings).toEqual([expect.stringContaining("from now on each is loaded when it is needed")]);
  });

  it("idle reads encoders and the prior once in a call, and each U-Net once for every batch", async () => {
    using manager = await openManager({ offload: "idle" });
    const parts = componentsOf(manager).map(({ name, weights }) => ({ name, fill: vi.spyOn(weights, "fill") }));
    await generate(manager, { seed: 1, decoderBatchSize: 2 });
    expect(parts.map(({ name, fill }) => `${name} ${fill.mock.calls.length}`)).toEqual([
      "CLIP's text encoder 1",
      "CLIP's image encoder 0",
      "the prior 1",
      "U-Net 1 2",
      "U-Net 2 2",
    ]);
  });

  it("idle makes calls for different components wait for each other, but not an aborted call", async () => {
    using manager = await openManager({ offload: "idle" });
    const order: string[] = [];
    let leave = (): void => undefined;
    const gate = new Promise<void>((resolve) => (leave = resolve));
    const first = manager.useCascade("U-Net 1", async () => {
      order.push("in U-Net 1");
      await gate;
      order.push("out of U-Net 1");
    });
    const loadedWith = (): Promise<void> => {
      order.push(
        componentsOf(manager)
          .flatMap(({ name, weights }) => (weights.isLoaded ? [name] : []))
          .join(),
      );
      return Promise.resolve();
    };
    const second = manager.useCascade("U-Net 2", loadedWith);
    const third = manager.useCascade("U-Net 1", loadedWith);
    const controller = new AbortController();
    const aborted = manager.usePrior(loadedWith, controller.signal);
    controller.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    leave();
    await Promise.all([first, second, third]);
    expect(order).toEqual(["in U-Net 1", "out of U-Net 1", "U-Net 2", "U-Net 1"]);
  });

  it("loads weights again after offloadIdle, and generates the same", async () => {
    using manager = await openManager();
    const whole = await generate(manager, { seed: 9 });
    const { liveBytes } = gpu.memory();
    manager.offloadIdle();
    expect(gpu.memory()).toMatchObject({ live: 0, liveBytes: 0, pooledBytes: 0 });
    expect(await generate(manager, { seed: 9 })).toEqual(whole);
    expect(gpu.memory().liveBytes).toBeLessThanOrEqual(liveBytes);
  });

  it("loads nothing when created and everything on request; parallel calls share components", async () => {
    using manager = await openManager();
    expect(gpu.memory().live).toBe(0);
    await manager.load();
    const { live } = gpu.memory();
    expect(componentsOf(manager).every(({ weights }) => weights.isLoaded)).toBe(true);
    const [one, other] = await Promise.all([generate(manager, { seed: 1 }), generate(manager, { seed: 1 })]);
    expect(one).toEqual(other);
    expect(gpu.memory().live).toBe(live);
  });

  it("stops loading when aborted, and loads the next time", async () => {
    let controller: AbortController | undefined = new AbortController();
    using manager = await openManager({ onProgress: () => controller?.abort(new Error("enough")) });
    await expect(manager.load(controller.signal)).rejects.toThrow("enough");
    expect(gpu.memory().live).toBe(0);
    controller = undefined;
    await manager.load();
    expect(gpu.memory().live).toBeGreaterThan(0);
  });
});
