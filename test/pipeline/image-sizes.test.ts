import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SamplingError } from "../../src/diffusion/sampling-error.js";
import { makeImage, type RgbImage } from "../../src/image/image.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { planMemory } from "../../src/pipeline/manager/memory-plan.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import { repetitionOf } from "../../src/pipeline/records/repeat.js";
import { BasicInference, type BasicInferenceOptions } from "../../src/pipeline/scripts/basic-inference.js";
import { BasicInpainting } from "../../src/pipeline/scripts/basic-inpainting.js";
import { ImageVariation } from "../../src/pipeline/scripts/image-variation.js";
import { Interpolate } from "../../src/pipeline/scripts/interpolate.js";
import { TextGuidedEdit } from "../../src/pipeline/scripts/text-guided-edit.js";
import { decoderPlan } from "../../src/pipeline/time-estimate.js";
import type { GeneratedImage } from "../../src/pipeline/generated-image.js";
import type { ScriptProgress } from "../../src/pipeline/script-options.js";
import { kandinskyConfig } from "../support/kandinsky.js";
import { sharedGpu } from "../support/gpu.js";

/** Few steps: the content of the images does not matter. */
const few = { priorSteps: 2, decoderSteps: 2, seed: 3 };

async function open(decoder: string): Promise<DalleModelManager> {
  const config = ModelLoadConfig.parse(kandinskyConfig(decoder), "");
  return DalleModelManager.create(config, { gpu: await sharedGpu(), dtype: "f32" });
}

let manager: DalleModelManager;
let depth: DalleModelManager;
let inpainting: DalleModelManager;
const warnings: string[] = [];
const scripts = { onWarning: (message: string) => warnings.push(message) };

beforeAll(async () => {
  manager = await open("kandinsky-text-to-image");
  depth = await open("kandinsky-controlnet");
  inpainting = await open("kandinsky-inpaint");
});

afterAll(() => {
  for (const one of [manager, depth, inpainting]) one.dispose();
});

/** Colours that change from left to right and from top to bottom. */
function picture(width: number, height: number): RgbImage {
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return [((pixel % width) * 255) / width, (Math.floor(pixel / width) * 255) / height, 90][i % 3]!;
  });
  return makeImage(width, height, 3, data);
}

const flat = (images: Map<number, Map<number, GeneratedImage[]>>): GeneratedImage[] =>
  [...images.values()].flatMap((each) => [...each.values()].flat());
const sizeOf = ({ width, height }: RgbImage): string => `${width} × ${height}`;

async function create(options: BasicInferenceOptions, from = manager): Promise<GeneratedImage[]> {
  return flat(await new BasicInference(from, scripts).run(["a cat", "a dog"], { ...few, ...options }));
}

/** The warnings of a call. */
async function warningsOf(call: () => Promise<unknown>): Promise<readonly string[]> {
  warnings.length = 0;
  await call();
  return [...warnings];
}

describe("a size", () => {
  it("is that of the images, of their previews and of their records", async () => {
    const previews: RgbImage[] = [];
    const onProgress = ({ preview = [] }: ScriptProgress) => previews.push(...preview);
    const images = await create({ size: { width: 32, height: 24 }, onProgress, previewEvery: 1 });
    expect(images.map(sizeOf)).toEqual(["32 × 24", "32 × 24"]);
    expect(new Set(previews.map(({ width, height }) => width / height))).toEqual(new Set([32 / 24]));
    const { parameters } = images[0]!;
    expect(parameters.size).toEqual({ width: 32, height: 24 });
    expect(repetitionOf({ parameters, dtype: "f32" }).repetition?.size).toEqual({ width: 32, height: 24 });
    const damaged = { ...parameters, size: { width: 0, height: 24 } };
    expect(repetitionOf({ parameters: damaged, dtype: "f32" }).faults).toHaveLength(1);
  });

  it("is rounded up, which is said", async () => {
    const call = (size: BasicInferenceOptions["size"]) => () => create({ size });
    expect(await warningsOf(call({ width: 17, height: 30 }))).toEqual([
      "The size 17 × 30 is rounded up to 20 × 32: sides of this decoder's images are multiples of 4.",
    ]);
    expect(await warningsOf(call(24))).toEqual([]);
    expect((await create({ size: { width: 17, height: 30 } })).map(sizeOf)).toEqual(["20 × 32", "20 × 32"]);
    expect((await create({})).map(sizeOf)).toEqual(["16 × 16", "16 × 16"]);
  });

  it("leaves each image what it is alone", async () => {
    const size = { width: 24, height: 16 };
    const together = await create({ size, seed: undefined, seeds: [5, 6] });
    const alone = flat(await new BasicInference(manager).run("a dog", { ...few, size, seed: 6 }));
    expect(together[1]!.data).toEqual(alone[0]!.data);
  });

  it("is an option of all scripts that start from noise", async () => {
    const options = { steps: 2, seed: 3, size: { width: 20, height: 12 } };
    const varied = await new ImageVariation(manager, scripts).run([picture(30, 40)], options);
    const edit = { ...options, from: "a cat", to: "a dog" };
    const edited = await new TextGuidedEdit(manager, scripts).run([picture(30, 40)], edit);
    const { size } = options;
    const between = await new Interpolate(manager, scripts).run("a cat", "a dog", { ...few, size, frames: 2 });
    expect([...varied.get(0)!, ...edited.get(0)!, ...between].map(sizeOf)).toEqual(new Array(4).fill("20 × 12"));
  });

  it.each([
    ["of no pixels", 0],
    ["of half pixels", { width: 16.5, height: 16 }],
    ["that is too large", { width: 16, height: 4097 }],
    ["without a height", { width: 16 }],
  ])("%s is refused", async (_, size) => {
    const call = create({ size: size as number });
    await expect(call).rejects.toMatchObject({ code: "argument/out-of-range", place: { argument: "size" } });
  });

  it("is refused by a decoder of one size", async () => {
    using shapes = await DalleModelManager.create(undefined, { gpu: await sharedGpu(), dtype: "f32" });
    const refusal = { code: "argument/no-effect", place: { argument: "size" } };
    const call = new BasicInference(shapes).run("a cat", { priorSteps: 2, size: 32 });
    await expect(call).rejects.toMatchObject(refusal);
    await expect(shapes.warmup({ size: 32 })).rejects.toMatchObject(refusal);
  });

  it("decides memory and time", async () => {
    const plan = (size: number) => {
      const config = ModelLoadConfig.parse(kandinskyConfig("kandinsky-text-to-image"), "");
      return planMemory(config, { dtype: "f32", batchSize: 1, size });
    };
    const [small, large] = [await plan(32), await plan(128)];
    const workOf = ({ components }: typeof small) => components.find(({ name }) => name === "MoVQ")!.workBytes;
    expect(workOf(large)).toBeGreaterThan(4 * workOf(small));
    const cascade = manager.models.decoder!.model;
    const costOf = (size: number) => decoderPlan(cascade, { images: 1, size }).get("U-Net 1")!.cost!;
    expect(costOf(64)).toBe(4 * costOf(32));
  });
});

describe("initial images that are not square", () => {
  it("give images their proportions, with about as many pixels as in training", async () => {
    const images = await create({ initImages: picture(80, 40), strength: 0.5 });
    expect(images.map(sizeOf)).toEqual(["24 × 12", "24 × 12"]);
  });

  it("are resized to a size that is given", async () => {
    const initImages = [picture(80, 40), picture(30, 40)];
    const images = await create({ initImages, strength: 0.5, size: 20 });
    expect(images.map(sizeOf)).toEqual(["20 × 20", "20 × 20"]);
    await expect(create({ initImages, strength: 0.5 })).rejects.toThrow(/24 × 12 and of 12 × 20: pass size/);
  });
});

describe("hints", () => {
  it("decide the images, and are resized to them", async () => {
    const size = { width: 32, height: 16 };
    const [first, second] = await create(
      { hint: [picture(32, 16), makeBlack(32, 16)], size, seed: undefined, seeds: [4, 4] },
      depth,
    );
    const [again] = await create({ hint: picture(32, 16), seed: undefined, seeds: [4, 4], size }, depth);
    expect(first!.data).toEqual(again!.data);
    const prompt = { ...few, size, seed: 4, hint: makeBlack(32, 16) };
    const [dark] = flat(await new BasicInference(depth, scripts).run("a cat", prompt));
    expect(dark!.data).not.toEqual(first!.data);
    expect(sizeOf(second!)).toBe("32 × 16");
    expect(await warningsOf(() => create({ hint: picture(80, 40) }, depth))).toEqual([
      "The hint of 80 × 40 is resized to 96 × 48 pixels.",
    ]);
  });

  it("are missed or refused before anything is computed", async () => {
    await expect(create({}, depth)).rejects.toMatchObject({ code: "argument/missing", place: { argument: "hint" } });
    const refusal = { code: "argument/no-effect", place: { argument: "hint" } };
    await expect(create({ hint: picture(16, 16) })).rejects.toMatchObject(refusal);
    await expect(create({ hint: [picture(16, 16)] }, depth)).rejects.toThrow(/hint has 1 value for 2 inputs/);
  });

  it("are there when kernels are compiled", async () => {
    await depth.warmup({ size: 32 });
    await inpainting.warmup();
  });
});

describe("inpainting of images that are not square", () => {
  const image = picture(48, 24);
  const mask = Uint8Array.from({ length: 48 * 24 }, (_, i) => (i % 48 < 24 ? 1 : 0));

  it("keeps the pixels of the resized image", async () => {
    const script = new BasicInpainting(inpainting, scripts);
    const [inpainted] = (await script.run([image], [mask], "a cat", few)).get(0)!;
    expect(sizeOf(inpainted!)).toBe("24 × 12");
    const { preparation } = inpainting.models.decoder!.model;
    const resized = preparation!.image(image, [12, 24]);
    const [left, right] = [0, 12].map((column) => 3 * (5 * 24 + column));
    expect([...inpainted!.data.subarray(left, left! + 30)]).toEqual([...resized.data.subarray(left, left! + 30)]);
    expect([...inpainted!.data.subarray(right, right! + 30)]).not.toEqual([
      ...resized.data.subarray(right, right! + 30),
    ]);
  });

  it("takes a size", async () => {
    const options = { ...few, size: { width: 48, height: 24 } };
    const [inpainted] = (await new BasicInpainting(inpainting).run([image], [mask], "a cat", options)).get(0)!;
    expect([...inpainted!.data.subarray(0, 72)]).toEqual([...image.data.subarray(0, 72)]);
  });

  it("is all that its decoder does", async () => {
    await expect(create({}, inpainting)).rejects.toThrow(SamplingError);
  });
});

function makeBlack(width: number, height: number): RgbImage {
  return makeImage(width, height, 3, new Uint8Array(3 * width * height));
}
