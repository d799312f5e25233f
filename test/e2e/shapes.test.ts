import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import type { RgbImage } from "../../src/image/image.js";
import { BasicInference } from "../../src/pipeline/scripts/basic-inference.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import { sharedGpu } from "../support/gpu.js";
import { readTensors } from "../support/io.js";
import { isRight, judge } from "../support/shapes-measure.js";

/** The included model from text to pixels, compared with images of the reference for the same prompts and seed. */

interface Call {
  readonly torch_seed: number;
  readonly prior_batch_size: number;
  readonly decoder_batch_size: number;
  readonly prior_num_samples_per_batch: number;
  readonly prior_sample_count: number;
  readonly decoder_sample_count: number;
}

const folder = "test/fixtures/shapes-expected";
const SIDE = 64;
const prompts = readFileSync(`${folder}/prompts.txt`, "utf8").trim().split("\n");

let manager: DalleModelManager;

beforeAll(async () => {
  const config = await ModelLoadConfig.fromJsonPath("configs/shapes.json");
  manager = await DalleModelManager.create(config, { gpu: await sharedGpu(), dtype: "f32" });
});

afterAll(() => {
  manager.dispose();
});

/** Generates images of the 40 prompts as the reference did. */
async function drawAll(models: DalleModelManager): Promise<RgbImage[]> {
  const call = JSON.parse(readFileSync(`${folder}/call.json`, "utf8")) as Call;
  const images = await new BasicInference(models).run(prompts, {
    seed: call.torch_seed,
    priorBatchSize: call.prior_batch_size,
    decoderBatchSize: call.decoder_batch_size,
    priorNumSamplesPerBatch: call.prior_num_samples_per_batch,
    priorSampleCount: call.prior_sample_count,
    decoderSampleCount: call.decoder_sample_count,
  });
  return [...images.values()].flatMap((byEmbedding) => [...byEmbedding.values()].flat());
}

/** The prompts that their images do not show, with what is wrong. */
function wrong(images: readonly RgbImage[]): string[] {
  return images.flatMap(({ data }, i) => {
    const judgement = judge(prompts[i]!, SIDE, data);
    return isRight(judgement) ? [] : [`${prompts[i]}: ${JSON.stringify(judgement)}`];
  });
}

/** The model is right for 99 % of unseen prompts. The images of the reference are right for all of these 40. */
const MOST_WRONG = 0.05 * prompts.length;

describe("the 40 prompts", () => {
  let images: RgbImage[];

  beforeAll(async () => {
    images = await drawAll(manager);
    // A software adapter on two busy cores takes minutes for 40 images.
  }, 1_500_000);

  it("give the images of the reference", async () => {
    const tensors = await readTensors(`${folder}/io.safetensors`);
    let values = 0;
    let off = 0;
    for (const [i, image] of images.entries()) {
      expect(image).toMatchObject({ width: SIDE, height: SIDE });
      const expected = tensors.get(`out.${i}`)!.data as Uint8Array;
      values += image.data.length;
      image.data.forEach((value, at) => (off += Math.abs(value - expected[at]!) > 2 ? 1 : 0));
    }
    expect(images).toHaveLength(40);
    // 36 steps round differently in f32: some bytes differ by one. On lavapipe none differs by two.
    expect(off / values).toBeLessThan(0.01);
  });

  it("are shown: ground, colours, place, size and outline", () => {
    expect(wrong(images).length, wrong(images).join("\n")).toBeLessThanOrEqual(MOST_WRONG);
  });

  it("are shown in f16 too, if the adapter has it", { timeout: 1_500_000 }, async ({ skip }) => {
    const gpu = await sharedGpu();
    if (!gpu.features.f16) skip("no shader-f16");
    using half = await DalleModelManager.create(manager.config, { gpu, dtype: "f16" });
    const failures = wrong(await drawAll(half));
    expect(failures.length, failures.join("\n")).toBeLessThanOrEqual(MOST_WRONG);
  });
});

describe("a run", () => {
  const few = { priorSteps: 3, decoderSteps: [2, 2] };
  const run = (seed: number) => new BasicInference(manager).run(["a red circle", "a blue square"], { ...few, seed });

  it("gives the same images only for the same seed", async () => {
    const [a, b, c] = [await run(5), await run(5), await run(6)];
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
  });

  it("leaves nothing on the GPU, and allocates nothing in a second run", async () => {
    await run(1);
    const { live, created } = manager.gpu.memory();
    await run(2);
    expect(manager.gpu.memory()).toMatchObject({ live, created });
  });

  it("generates each image from its own seed, in any batch", async () => {
    const both = await new BasicInference(manager).run(["a red circle", "a blue square"], { ...few, seeds: [7, 8] });
    const alone = await new BasicInference(manager).run("a blue square", { ...few, seeds: [8] });
    expect([...both.get(1)!.values()][0]).toEqual([...alone.get(0)!.values()][0]);
  });

  it("stops within one step when aborted, and runs again", async () => {
    const controller = new AbortController();
    let steps = 0;
    const aborted = new BasicInference(manager).run("a red circle", {
      ...few,
      seed: 1,
      signal: controller.signal,
      onProgress: () => {
        if (++steps === 2) controller.abort(new Error("enough"));
      },
    });
    await expect(aborted).rejects.toThrow("enough");
    expect(steps).toBe(2);
    const { live } = manager.gpu.memory();
    await run(1);
    expect(manager.gpu.memory().live).toBe(live);
  });

  it("is close to f32 in f16, if the adapter has it", async ({ skip }) => {
    const gpu = await sharedGpu();
    if (!gpu.features.f16) skip("no shader-f16");
    using half = await DalleModelManager.create(manager.config, { gpu, dtype: "f16" });
    const ours = await new BasicInference(half).run("a red circle on a white background", { ...few, seed: 3 });
    const full = await new BasicInference(manager).run("a red circle on a white background", { ...few, seed: 3 });
    const [a, b] = [ours, full].map((images) => [...images.get(0)!.values()][0]![0]!.data);
    const meanSquare = a!.reduce((sum, value, i) => sum + (value - b![i]!) ** 2, 0) / a!.length;
    // Root mean square error of two levels: f16 changes pixels, not shapes.
    expect(Math.sqrt(meanSquare)).toBeLessThan(2);
  });
});
