import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeImage, type RgbImage } from "../../src/image/image.js";
import { resizeLanczos } from "../../src/image/pillow-resize.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import { InferenceScript } from "../../src/pipeline/inference-script.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { repetitionOf } from "../../src/pipeline/records/repeat.js";
import { BasicInference, type BasicInferenceOptions } from "../../src/pipeline/scripts/basic-inference.js";
import { decoderPlan } from "../../src/pipeline/time-estimate.js";
import type { GeneratedImage } from "../../src/pipeline/generated-image.js";
import type { SampleDecoderOptions } from "../../src/pipeline/script-options.js";
import { sharedGpu } from "../support/gpu.js";

/** Few steps, where it does not matter what an image shows. */
const few = { priorSteps: 3, decoderSteps: [4, 2], seed: 3 };

let manager: DalleModelManager;
let side: number;

beforeAll(async () => {
  const config = await ModelLoadConfig.fromJsonPath("configs/shapes.json");
  manager = await DalleModelManager.create(config, { gpu: await sharedGpu(), dtype: "f32" });
  side = manager.models.decoder!.model.stages[0]!.info.imageSize;
});

afterAll(() => {
  manager.dispose();
});

class Bare extends InferenceScript {
  async decode(options: SampleDecoderOptions): Promise<GeneratedImage> {
    return (await this.sampleDecoder(options)).get(0)![0]!;
  }
}

/** Red from left to right, green from top to bottom, at a size that no U-Net has. */
function ramp(size = 40): RgbImage {
  const data = new Uint8Array(size * size * 3);
  for (let i = 0; i < size * size; i++) {
    data.set([Math.round(((i % size) / size) * 255), Math.round((Math.floor(i / size) / size) * 255), 128], i * 3);
  }
  return makeImage(size, size, 3, data);
}

async function basic(options: BasicInferenceOptions = {}): Promise<GeneratedImage> {
  const images = await new BasicInference(manager).run("a red circle", { ...few, ...options });
  return [...images.get(0)!.values()][0]![0]!;
}

/** Mean difference of two images' values. */
function distance(a: RgbImage, b: RgbImage): number {
  return a.data.reduce((sum, value, i) => sum + Math.abs(value - b.data[i]!), 0) / a.data.length;
}

describe("an image that U-Net 1 starts from", () => {
  it("is what comes out at strength 0, and the less of it the higher strength is", async () => {
    const seen = resizeLanczos(ramp(), side, side);
    const decode = (strength: number): Promise<GeneratedImage> =>
      new Bare(manager).decode({
        text: ["a red circle"],
        imageEmbed: [{ shape: [128], data: new Float32Array(128).fill(0.1) }],
        initImages: [ramp()],
        strength,
        stopAtUnetNumber: 1,
        steps: [10, 2],
        seed: 1,
      });
    const images = [await decode(0), await decode(0.1), await decode(0.9)];
    expect(images[0]!.data).toEqual(seen.data);
    const distances = images.map((image) => distance(image, seen));
    expect(distances[1]).toBeLessThan(20);
    expect(distances[2]).toBeGreaterThan(distances[1]!);
  });

  it("changes no pixel at strength 1", async () => {
    const plain = await basic();
    const started = await basic({ initImages: ramp(), strength: 1 });
    expect(started.data).toEqual(plain.data);
    expect(started.parameters.strength).toBe(1);
    expect(plain.parameters).not.toHaveProperty("strength");
  });

  it.each(["ddpm", "ddim", "dpmpp2m"] as const)(
    "takes half of the steps of %s at half the strength",
    async (sampler) => {
      const steps: string[] = [];
      await basic({
        decoderSampler: sampler,
        initImages: ramp(),
        strength: 0.5,
        onProgress: ({ phase, unetNumber, step, steps: all }) => {
          if (phase === "decoder") steps.push(`${unetNumber}: ${step}/${all}`);
        },
      });
      expect(steps).toEqual(["1: 1/2", "1: 2/2", "2: 1/2", "2: 2/2"]);
    },
  );

  it("is counted in the time that a call takes", () => {
    const rows = (strength?: number) =>
      [...decoderPlan(manager.models.decoder!.model, { images: 3, steps: [10, 4], strength }).values()].map(
        (one) => one.rows,
      );
    expect(rows()).toEqual([30, 12]);
    expect(rows(0.4)).toEqual([12, 12]);
  });

  it("is refused where it makes no sense, by the name of the option", async () => {
    const script = new Bare(manager);
    const shared = { text: ["a red circle"], imageEmbed: [{ shape: [128], data: new Float32Array(128) }] };
    const call = (options: SampleDecoderOptions) => script.decode({ ...shared, ...options });
    await expect(call({ strength: 0.5 })).rejects.toThrow("pass initImages");
    await expect(call({ initImages: [ramp()], strength: 1.5 })).rejects.toThrow("strength must be 0 to 1, not 1.5");
    const masked = { inpaintImages: [ramp()], inpaintImageMasks: [new Uint8Array(1600)] };
    await expect(call({ initImages: [ramp()], ...masked })).rejects.toThrow(
      "Give only one of initImages and inpaintImages",
    );
    await expect(call({ initImages: [ramp()], startAtUnetNumber: 2, images: [ramp(side)] })).rejects.toThrow(
      "U-Net 1 starts from initImages",
    );
    await expect(call({ initImages: [makeImage(2, 3, 3, new Uint8Array(18))] })).rejects.toThrow("initImages[0]");
    await expect(basic({ initImages: [ramp(), ramp()] })).rejects.toThrow("initImages has 2 values");
  });

  it("keeps the record of its image from being repeated without it", async () => {
    const { parameters } = await basic({ initImages: ramp() });
    expect(parameters.strength).toBe(0.8);
    const { repetition, faults } = repetitionOf({ parameters, dtype: "f32" });
    expect(repetition).toBeUndefined();
    expect(faults).toEqual(["it started from an image, which the record does not hold"]);
  });
});

describe("image embeddings that are given", () => {
  class Prior extends InferenceScript {
    embed(seeds: readonly number[]) {
      return this.samplePrior(["a red circle", "a blue square"], { steps: 3, seeds });
    }
  }

  it("take the place of the prior's", async () => {
    const made = await new Prior(manager).embed([3, 4]);
    const imageEmbed = [made.get(0)![0]!, made.get(1)![0]!];
    const phases = new Set<string>();
    const run = (embeddings: BasicInferenceOptions["imageEmbed"]) =>
      new BasicInference(manager).run(["a red circle", "a blue square"], {
        decoderSteps: [3, 2],
        seeds: [5, 6],
        imageEmbed: embeddings,
        onProgress: ({ phase }) => phases.add(phase),
      });
    const images = await run(imageEmbed);
    expect([...phases]).toEqual(["decoder"]);
    expect([...images.get(1)!.keys()]).toEqual([1]);
    const [one] = images.get(1)!.get(1)!;
    expect(one!.parameters).toMatchObject({ text: "a blue square", decoderSteps: [3, 2] });
    expect(one!.parameters).not.toHaveProperty("priorSteps");
    const swapped = await run([...imageEmbed].reverse());
    expect(swapped.get(1)!.get(1)![0]!.data).not.toEqual(one!.data);
    await expect(run(imageEmbed.slice(1))).rejects.toThrow("imageEmbed has 1 value for 2 inputs");
  });

  it("are decoded several times, each time from the seed of the image alone", async () => {
    const imageEmbed = [(await new Prior(manager).embed([3, 4])).get(0)![0]!];
    const run = (options: BasicInferenceOptions) =>
      new BasicInference(manager).run("a red circle", { decoderSteps: [3, 2], imageEmbed, ...options });
    const images = (await run({ seeds: [5, 6], decoderSampleCount: 2 })).get(0)!.get(0)!;
    expect(images.map(({ seed }) => seed)).toEqual([5, 6]);
    const alone = (await run({ seeds: [6] })).get(0)!.get(0)![0]!;
    expect(images[1]!.data).toEqual(alone.data);
    expect(images[1]!.parameters).toEqual(alone.parameters);
    expect(alone.parameters).not.toHaveProperty("priorSeed");
    await expect(run({ seeds: [5], priorSeeds: [7] })).rejects.toThrow("Give only one of imageEmbed and priorSeeds");
  });
});
