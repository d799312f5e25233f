import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeImage, type RgbImage } from "../../src/image/image.js";
import { planMemory } from "../../src/pipeline/manager/memory-plan.js";
import { DalleModelManager, type ManagerOptions } from "../../src/pipeline/manager/model-manager.js";
import { repetitionOf } from "../../src/pipeline/records/repeat.js";
import { BasicInference } from "../../src/pipeline/scripts/basic-inference.js";
import { BasicInpainting } from "../../src/pipeline/scripts/basic-inpainting.js";
import { Embed } from "../../src/pipeline/scripts/embed.js";
import { ImageVariation } from "../../src/pipeline/scripts/image-variation.js";
import { Interpolate } from "../../src/pipeline/scripts/interpolate.js";
import type { GeneratedImage } from "../../src/pipeline/generated-image.js";
import { difference, sharedGpu } from "../support/gpu.js";
import { openFixture } from "../../src/models/open-fixture.js";
import { fixtureFolder } from "../support/golden.js";
import { folderConfig } from "../support/karlo.js";

const VARIATION = "stable-unclip-image-variation";
const TEXT = "stable-unclip-text-to-image";
const few = { priorSteps: 3, decoderSteps: 3 };

async function open(fixture: string, options: ManagerOptions = {}): Promise<DalleModelManager> {
  const config = folderConfig(join(fixtureFolder(fixture), "model"));
  return DalleModelManager.create(config, { gpu: await sharedGpu(), dtype: "f32", ...options });
}

let variation: DalleModelManager;
let text: DalleModelManager;
let photos: readonly RgbImage[];

beforeAll(async () => {
  variation = await open(VARIATION);
  text = await open(TEXT);
  const fixture = await openFixture(fixtureFolder(VARIATION));
  const read = async (name: string): Promise<RgbImage> => {
    const { shape, data } = await fixture.tensor(name);
    return makeImage(shape[1]!, shape[0]!, 3, Uint8Array.from(data));
  };
  photos = [await read("in.photo.0"), await read("in.photo.1")];
  await fixture.close();
});

afterAll(() => {
  variation.dispose();
  text.dispose();
});

/** The images of a map of maps, in order. */
function flat(images: ReadonlyMap<number, ReadonlyMap<number, readonly GeneratedImage[]>>): readonly GeneratedImage[] {
  return [...images.values()].flatMap((each) => [...each.values()].flat());
}

/** The largest difference of bytes. */
function apart(a: RgbImage | undefined, b: RgbImage | undefined): number {
  return difference(a!.data, b!.data).maxAbs;
}

describe("variations of images", () => {
  it("are those of the reference for the same seed", async () => {
    const fixture = await openFixture(fixtureFolder(VARIATION));
    const { data } = await fixture.tensor("out.default.uint8");
    await fixture.close();
    const images = await new ImageVariation(variation).run([photos[0]!], { seed: 61 });
    const [image] = images.get(0)!;
    expect(difference(image!.data, data).maxAbs).toBeLessThanOrEqual(1);
    expect(image!.parameters).toMatchObject({ condScale: [10], steps: [20], noiseLevel: 0 });
  });

  it("with a seed for each are those of calls alone, with noise on embeddings too", async () => {
    const run = { steps: 2, noiseLevel: 900 };
    const script = new ImageVariation(variation);
    const together = await script.run(photos, { ...run, seeds: [3, 4] });
    for (const [i, seed] of [3, 4].entries()) {
      const alone = await script.run([photos[i]!], { ...run, seed });
      expect(apart(together.get(i)![0], alone.get(0)![0])).toBeLessThanOrEqual(1);
    }
  });

  it("follow the text, the negative text, and the level of noise", async () => {
    const run = { steps: 2, seed: 3 };
    const script = new ImageVariation(variation);
    const one = async (options: object) => (await script.run([photos[0]!], { ...run, ...options })).get(0)![0];
    const plain = await one({});
    for (const options of [{ text: "a cat" }, { negativeText: "a cat" }, { noiseLevel: 500 }]) {
      expect(apart(plain, await one(options))).toBeGreaterThan(1);
    }
    expect(apart(plain, await one({ text: "", negativeText: "", noiseLevel: 0 }))).toBe(0);
  });

  it("refuse image embeddings of another width", async () => {
    const embedding = { shape: [8], data: new Float32Array(8) };
    await expect(new ImageVariation(variation).run([embedding])).rejects.toMatchObject({
      code: "argument/mismatch",
      place: { argument: "imageEmbed" },
    });
  });

  it("refuse other levels of noise", async () => {
    const script = new ImageVariation(variation);
    await expect(script.run([photos[0]!], { noiseLevel: 1000 })).rejects.toMatchObject({
      code: "argument/out-of-range",
      place: { argument: "noiseLevel" },
    });
  });

  it("are interpolated", async () => {
    const options = { frames: 3, seed: 1, decoderSteps: 2, decoderNoiseLevel: 20 };
    const frames = await new Interpolate(variation).run(photos[0]!, photos[1]!, options);
    const ends = await new ImageVariation(variation).run(photos, { steps: 2, noiseLevel: 20, seeds: [1, 1] });
    expect(apart(frames[0], ends.get(0)![0])).toBeLessThanOrEqual(1);
    expect(apart(frames[2], ends.get(1)![0])).toBeLessThanOrEqual(1);
    expect(frames[1]!.parameters).toMatchObject({ decoderNoiseLevel: 20 });
  });

  it("have no embeddings of texts, for which a folder needs the text encoder of a prior", async () => {
    await expect(new Embed(variation).texts(["a cat"])).rejects.toThrow(/has no text encoder/);
    await expect(new BasicInference(variation).run("a cat")).rejects.toThrow(/has no prior/);
  });
});

describe("images of texts", () => {
  it("with a seed for each are those of calls alone", async () => {
    const prompts = ["a red square", "Two blue circles"];
    const script = new BasicInference(text);
    const together = flat(await script.run(prompts, { ...few, seeds: [5, 6] }));
    for (const [i, seed] of [5, 6].entries()) {
      const [alone] = flat(await script.run(prompts[i]!, { ...few, seed }));
      expect(apart(together[i], alone)).toBeLessThanOrEqual(1);
    }
  });

  it("pass a negative prompt to the decoder alone", async () => {
    const script = new BasicInference(text);
    const unguided = { ...few, seed: 5, decoderCondScale: 1 };
    await expect(script.run("a", { ...unguided, negativeText: "b" })).rejects.toThrow(/would change nothing/);
    const guided = { ...few, seed: 5 };
    const [plain] = flat(await script.run("a", guided));
    const [negative] = flat(await script.run("a", { ...guided, negativeText: "b" }));
    expect(apart(plain, negative)).toBeGreaterThan(1);
    const imageEmbed = (await new Embed(text).prior(["a"], { steps: 3, seed: 5 })).get(0)!;
    expect(imageEmbed).toHaveLength(1);
  });

  it("are repeated from their records", async () => {
    const script = new BasicInference(text);
    const [image] = flat(await script.run("a cat", { ...few, seed: 5, decoderNoiseLevel: 700 }));
    const { repetition } = repetitionOf({ parameters: image!.parameters, dtype: "f32" });
    const [again] = flat(await script.run(repetition!.text, { ...repetition!.settings, seed: image!.seed }));
    expect(again!.data).toEqual(image!.data);
  });

  it("start from an image, or keep a part of one", async () => {
    const photo = makeImage(
      32,
      32,
      3,
      Uint8Array.from({ length: 3072 }, (_, i) => (i * 11) % 256),
    );
    const script = new BasicInference(text);
    const run = { ...few, decoderSteps: 4, seed: 5 };
    const [alone] = flat(await script.run("a", run));
    const [from] = flat(await script.run("a", { ...run, initImages: photo, strength: 0.5 }));
    expect(apart(alone, from)).toBeGreaterThan(1);
    const mask = Array.from({ length: 1024 }, (_, i) => i % 32 < 16);
    const inpainted = await new BasicInpainting(text).run([photo], [mask], "a", { ...few, seed: 5 });
    const [kept] = inpainted.get(0)!;
    const left = (image: RgbImage) => image.data.filter((_, i) => Math.floor(i / 3) % 32 < 16);
    expect(left(kept!)).toEqual(left(photo));
    expect(apart(kept, photo)).toBeGreaterThan(1);
  });

  it("are shown while they are sampled, with the samplers of other families too", async () => {
    const shown: number[] = [];
    for (const decoderSampler of ["dpmpp2m", "ddim", "ddpm"] as const) {
      await new BasicInference(text).run("a", {
        ...few,
        decoderSampler,
        seed: 1,
        previewEvery: 1,
        onProgress: ({ preview }) => {
          if (preview) shown.push(preview[0]!.width);
        },
      });
    }
    expect(shown).toEqual(new Array<number>(9).fill(8));
  });
});

it("has the same images with one component at a time, whose memory is planned", async () => {
  using idle = await open(TEXT, { offload: "idle" });
  const run = { ...few, seed: 5 };
  const [image] = flat(await new BasicInference(idle).run("a", run));
  const [expected] = flat(await new BasicInference(text).run("a", run));
  expect(image!.data).toEqual(expected!.data);
  const plan = await planMemory(folderConfig(join(fixtureFolder(TEXT), "model")), { dtype: "f32", batchSize: 1 });
  expect(plan.components.map(({ name }) => name)).toEqual([
    "CLIP's text encoder",
    "the prior",
    "the decoder's text encoder",
    "U-Net 1",
    "VAE",
  ]);
  for (const { workBytes, weightBytes } of plan.components) {
    expect(workBytes).toBeGreaterThan(0);
    expect(weightBytes).toBeGreaterThan(0);
  }
});

it("compiles its kernels before the first image", async () => {
  using manager = await open(VARIATION);
  const counts: number[] = [];
  await manager.warmup({ onProgress: ({ totalKernels }) => counts.push(totalKernels) });
  expect(Math.max(...counts)).toBeGreaterThan(10);
});

describe("a folder that lacks parts", () => {
  it.each([
    ["vae", /decoder/],
    ["tokenizer", /decoder/],
  ])("without %s has no decoder", async (component, message) => {
    const folder = await mkdtemp(join(tmpdir(), "stable-unclip-"));
    try {
      await cp(join(fixtureFolder(VARIATION), "model"), folder, { recursive: true });
      const name = join(folder, "model_index.json");
      const index = JSON.parse(await readFile(name, "utf8")) as Record<string, unknown>;
      await writeFile(name, JSON.stringify({ ...index, [component]: [null, null] }));
      using manager = await DalleModelManager.create(folderConfig(folder), { gpu: await sharedGpu() });
      await expect(new ImageVariation(manager).run(photos)).rejects.toThrow(message);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
