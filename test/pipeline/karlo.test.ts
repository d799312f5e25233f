import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { disposeState, type RunState } from "../../src/diffusion/run-state.js";
import { Generator } from "../../src/diffusion/generator.js";
import { SamplingError } from "../../src/diffusion/sampling-error.js";
import { makeImage, type RgbImage } from "../../src/image/image.js";
import type { Cascade, UseComponent } from "../../src/models/interfaces.js";
import type { Embedding } from "../../src/pipeline/embedding.js";
import type { GeneratedImage } from "../../src/pipeline/generated-image.js";
import { InferenceScript } from "../../src/pipeline/inference-script.js";
import { planMemory } from "../../src/pipeline/manager/memory-plan.js";
import { DalleModelManager, type ManagerOptions } from "../../src/pipeline/manager/model-manager.js";
import type { SampleDecoderOptions, ScriptProgress } from "../../src/pipeline/script-options.js";
import { BasicInference, type BasicInferenceOptions } from "../../src/pipeline/scripts/basic-inference.js";
import { BasicInpainting } from "../../src/pipeline/scripts/basic-inpainting.js";
import { Embed } from "../../src/pipeline/scripts/embed.js";
import { ImageVariation } from "../../src/pipeline/scripts/image-variation.js";
import { Interpolate } from "../../src/pipeline/scripts/interpolate.js";
import { TextGuidedEdit } from "../../src/pipeline/scripts/text-guided-edit.js";
import { Upscale } from "../../src/pipeline/scripts/upscale.js";
import { ArgumentError } from "../../src/platform/arguments.js";
import { difference, sharedGpu } from "../support/gpu.js";
import { folderConfig, karloFolder, writeWholeKarlo } from "../support/karlo.js";

/** Sides of the small images and of the large ones. */
const [SMALL, LARGE] = [8, 24];
const COMPONENTS = ["U-Net 1", "U-Net 2 (first steps)", "U-Net 2 (last step)"];
const few = { priorSteps: 3, decoderSteps: [3, 4] } satisfies BasicInferenceOptions;
const texts = ["a red square", "a blue circle"];

let folder: string;
let manager: DalleModelManager;
let photo: RgbImage;

beforeAll(async () => {
  folder = await writeWholeKarlo();
  manager = await open();
  photo = makeImage(
    30,
    30,
    3,
    Uint8Array.from({ length: 30 * 30 * 3 }, (_, i) => (i * 7) % 256),
  );
});

afterAll(async () => {
  manager.dispose();
  await rm(folder, { recursive: true });
});

async function open(options: ManagerOptions = {}): Promise<DalleModelManager> {
  return DalleModelManager.create(folderConfig(folder), { gpu: await sharedGpu(), dtype: "f32", ...options });
}

async function generate(
  prompts: string | readonly string[],
  options: BasicInferenceOptions,
  own: DalleModelManager = manager,
): Promise<GeneratedImage[]> {
  const images = await new BasicInference(own).run(prompts, { ...few, ...options });
  return [...images.values()].flatMap((some) => [...some.values()].flat());
}

const bytesOf = (images: readonly RgbImage[]): number[][] => images.map(({ data }) => [...data]);

/** Samples the decoder with inputs that no script gives. */
class Decode extends InferenceScript {
  decode(options: SampleDecoderOptions): Promise<Map<number, GeneratedImage[]>> {
    return this.sampleDecoder({ steps: few.decoderSteps, seed: 1, ...options });
  }

  encoded(text: string) {
    return this.encodeTexts([text]);
  }
}

describe("Karlo's text to image", () => {
  it("refuses another way of tokenizing, as its tokenizer is always used", async () => {
    const script = new BasicInference(manager, { tokenization: "dalle2-laion" });
    await expect(script.run("a cat", few)).rejects.toBeInstanceOf(ArgumentError);
    await expect(script.run("a cat", few)).rejects.toThrow(
      /^tokenization dalle2-laion would change nothing: .*Leave it out/,
    );
    const usual = new BasicInference(manager, { tokenization: "clip" });
    expect((await usual.run("a cat", { ...few, seed: 1 })).size).toBe(1);
  });

  it("generates several images a prompt, each as in a batch of its own with its seed", async () => {
    const together = await generate(texts, { seeds: [5, 6, 7, 8], priorSampleCount: 2 });
    expect(together.map(({ width, seed }) => [width, seed])).toEqual([5, 6, 7, 8].map((seed) => [LARGE, seed]));
    const alone = [await generate(texts[0]!, { seeds: [6] }), await generate(texts[1]!, { seeds: [7] })].flat();
    // Sums over other batch sizes are rounded differently.
    for (const [i, { data }] of alone.entries()) {
      expect(difference(data, together[i + 1]!.data).maxAbs).toBeLessThanOrEqual(1);
    }
    expect(difference(together[0]!.data, together[1]!.data).maxAbs).toBeGreaterThan(20);
  });

  it("uses the reference's settings, and one guidance scale for those that take one", async () => {
    const script = new BasicInference(manager);
    const run = async (options: BasicInferenceOptions) => {
      const [image] = [...(await script.run("a cat", { seed: 1, ...options })).get(0)!.values()].flat();
      return image!.parameters;
    };
    expect(await run({ priorSteps: 2, decoderSteps: [2, null] })).toMatchObject({
      priorCondScale: 4,
      priorNumSamplesPerBatch: 1,
      decoderCondScale: [8, 1],
      decoderSteps: [2, 7],
    });
    expect(await run({ ...few, decoderCondScale: 3 })).toMatchObject({ decoderCondScale: [3, 1] });
    const refused = run({ ...few, decoderCondScale: [3, 2] });
    await expect(refused).rejects.toBeInstanceOf(SamplingError);
    await expect(refused).rejects.toThrow(/U-Net 2 only enlarges images/);
    expect(manager.prior).toMatchObject({
      family: "Karlo",
      imageEmbedDim: 24,
      settings: { condScale: 4, steps: 25, numSamplesPerBatch: 1 },
    });
    expect(manager.decoder!.settings).toMatchObject([
      { condScale: 8, steps: 25 },
      { condScale: 1, steps: 7 },
    ]);
    expect(manager.models.prior!.model.settings()).toEqual({ condScale: 4, steps: 25, sampler: undefined });
    expect(manager.models.decoder!.model.stages[0]!.settings()).toEqual({
      condScale: 8,
      steps: 25,
      sampler: undefined,
    });
  });

  it("lets a negative prompt take the place of the empty text, without an image embedding of its own", async () => {
    const [plain] = await generate("a cat", { seed: 1 });
    const phases: ScriptProgress[] = [];
    const [empty] = await generate("a cat", { seed: 1, negativeText: "", onProgress: (one) => phases.push(one) });
    const [negative] = await generate("a cat", { seed: 1, negativeText: "a dog" });
    expect([...empty!.data]).toEqual([...plain!.data]);
    expect(difference(negative!.data, plain!.data).maxAbs).toBeGreaterThan(1);
    // Once, and not for the negative prompt as well.
    expect(phases.filter(({ phase }) => phase === "prior")).toHaveLength(few.priorSteps);
    const useless = generate("a cat", { seed: 1, negativeText: "a dog", priorCondScale: 1, decoderCondScale: 1 });
    await expect(useless).rejects.toMatchObject({ code: "argument/no-effect" });
  });

  it("keeps the candidate that is most similar to the text", async () => {
    const sample = async (numSamplesPerBatch: number) => {
      const found = await new Embed(manager).prior(["a cat"], { steps: 3, seed: 4, numSamplesPerBatch });
      return found.get(0)![0]!.data;
    };
    const [text] = await new Embed(manager).texts(["a cat"]);
    const cosine = (a: Float32Array, b: Float32Array): number => {
      const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
      return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    };
    const all = await new Embed(manager).prior(["a cat"], { steps: 3, seed: 4, sampleCount: 4 });
    const similarities = all.get(0)!.map(({ data }) => cosine(data, text!.data));
    expect(cosine(await sample(4), text!.data)).toBeCloseTo(Math.max(...similarities), 5);
  });

  it("samples all networks with DPM-Solver++, of which one step runs only the last network", async () => {
    const dpmpp = { priorSampler: "dpmpp2m", decoderSampler: "dpmpp2m" } as const;
    const [image] = await generate("a cat", { ...dpmpp, seed: 1 });
    expect(image!.parameters).toMatchObject({ priorSampler: "dpmpp2m", decoderSampler: ["dpmpp2m", "dpmpp2m"] });
    const steps: string[] = [];
    const { stages } = manager.models.decoder!.model;
    expect(stages[1]!.evaluations({ sampler: "dpmpp2m", steps: 1 })).toBe(1);
    await generate("a cat", {
      ...dpmpp,
      decoderSteps: [2, 1],
      seed: 1,
      onProgress: ({ unetNumber, step }) => unetNumber && steps.push(`${unetNumber}.${step}`),
    });
    expect(steps).toEqual(["1.1", "1.2", "2.1"]);
    await expect(generate("a cat", { decoderSampler: "ddim" })).rejects.toThrow(/"ddim"/);
    await expect(generate("a cat", { priorSampler: "ddim" })).rejects.toThrow(/"ddim"/);
    await expect(generate("a cat", { decoderSteps: [3, 1] })).rejects.toBeInstanceOf(ArgumentError);
  });
});

describe("Karlo's scripts", () => {
  it("generate variations, with a text as an extra", async () => {
    const script = new ImageVariation(manager);
    const options = { steps: few.decoderSteps, seed: 2 };
    const plain = (await script.run([photo, photo], options)).get(1)!;
    const [embedding] = await new Embed(manager).images([photo]);
    expect(bytesOf((await script.run([embedding!, embedding!], options)).get(1)!)).toEqual(bytesOf(plain));
    const empty = (await script.run([photo, photo], { ...options, text: "" })).get(1)!;
    const described = (await script.run([photo, photo], { ...options, text: "a cat" })).get(1)!;
    expect(bytesOf(empty)).toEqual(bytesOf(plain));
    expect(difference(described[0]!.data, plain[0]!.data).maxAbs).toBeGreaterThan(1);
  });

  it("inpaint, and keep pixels byte for byte through super-resolution", async () => {
    const image = makeImage(LARGE, LARGE, 3, photo.data.slice(0, LARGE * LARGE * 3));
    const mask = Array.from({ length: LARGE * LARGE }, (_, i) => i % LARGE < LARGE / 2);
    const options = { priorSteps: 2, decoderSteps: [3, 3], resampleTimes: 2, seed: 3 };
    const [result] = (await new BasicInpainting(manager).run([image], [mask], "a cat", options)).get(0)!;
    const [plain] = await generate("a cat", { priorSteps: 2, decoderSteps: [3, 3], seed: 3 });
    const parts = (kept: boolean, { data }: RgbImage) => [...data].filter((_, i) => mask[Math.floor(i / 3)] === kept);
    expect(parts(true, result!)).toEqual(parts(true, image));
    expect(difference(parts(false, result!), parts(false, image)).maxAbs).toBeGreaterThan(20);
    expect(difference(parts(false, result!), parts(false, plain!)).maxAbs).toBeGreaterThan(20);
    const solver = { ...options, decoderSampler: "dpmpp2m" } as const;
    await expect(new BasicInpainting(manager).run([image], [mask], "a cat", solver)).rejects.toThrow(/RePaint/);
  });

  it("enlarge images of any size, and start from an image", async () => {
    for (const side of [SMALL, 3 * SMALL]) {
      const image = makeImage(side, side, 3, photo.data.slice(0, side * side * 3));
      const [large] = (await new Upscale(manager).run([image], { steps: [null, 3], seed: 1 })).get(0)!;
      expect([large!.width, large!.height]).toEqual([LARGE, LARGE]);
    }
    const near = await generate("a cat", { seed: 1, initImages: photo, strength: 0.34 });
    const far = await generate("a cat", { seed: 1, initImages: photo, strength: 1 });
    const [none] = await generate("a cat", { seed: 1 });
    expect(bytesOf(far)).toEqual(bytesOf([none!]));
    expect(difference(near[0]!.data, none!.data).maxAbs).toBeGreaterThan(20);
    expect(near[0]!.parameters).toMatchObject({ strength: 0.34 });
  });

  it("interpolate between images and prompts, from and to their own images", async () => {
    const script = new Interpolate(manager);
    const options = { ...few, seed: 3, frames: 3 };
    const [first, , last] = await script.run(texts[0]!, texts[1]!, options);
    expect([...first!.data]).toEqual([...(await script.run(texts[0]!, photo, options))[0]!.data]);
    for (const [end, text] of [
      [first!, texts[0]!],
      [last!, texts[1]!],
    ] as const) {
      const [own] = await generate(text, { seed: 3 });
      expect(difference(end.data, own!.data).maxAbs).toBeLessThanOrEqual(1);
    }
    const [variation] = (await new ImageVariation(manager).run([photo], { steps: few.decoderSteps, seed: 3 })).get(0)!;
    const between = await script.run(photo, photo, options);
    expect(difference(between[0]!.data, variation!.data).maxAbs).toBeLessThanOrEqual(1);
  });

  it("edit an image by two texts", async () => {
    const options = { from: "a red square", to: "a blue circle", strength: 0.5, frames: 2, steps: few.decoderSteps };
    const [start, edited] = (await new TextGuidedEdit(manager).run([photo], { ...options, seeds: [4] })).get(0)!;
    const variation = { text: "a red square", steps: few.decoderSteps, seeds: [4] };
    const [own] = (await new ImageVariation(manager).run([photo], variation)).get(0)!;
    expect(difference(start!.data, own!.data).maxAbs).toBeLessThanOrEqual(1);
    expect(difference(edited!.data, start!.data).maxAbs).toBeGreaterThan(1);
  });

  it("take encoded texts, with their embeddings and masks", async () => {
    const script = new Decode(manager);
    const imageEmbed = await new Embed(manager).images([photo]);
    const [text] = await script.encoded("a cat");
    const { textEncodings, textEmbed, textMask } = text!;
    const given = { imageEmbed, textEncoding: [textEncodings], textEmbed: [textEmbed], textMask: [textMask] };
    const [encoded] = (await script.decode(given)).get(0)!;
    const [named] = (await script.decode({ imageEmbed, text: ["a cat"] })).get(0)!;
    expect([...encoded!.data]).toEqual([...named!.data]);
    // Without a mask nothing is padding, although the empty text of guidance has a mask.
    const visible = { ...given, textMask: [textMask.map(() => 1)] };
    const unmasked = (await script.decode({ ...given, textMask: undefined })).get(0)!;
    expect(bytesOf(unmasked)).toEqual(bytesOf((await script.decode(visible)).get(0)!));
    const refused = async (options: SampleDecoderOptions, place: string) => {
      await expect(script.decode({ imageEmbed, ...options })).rejects.toMatchObject({ place: { argument: place } });
    };
    await refused({ textEncoding: [textEncodings] }, "textEmbed");
    await refused({ textEmbed: [textEmbed] }, "textEmbed");
    await refused({ ...given, textMask: [[1]] }, "textMask[0]");
  });
});

describe("Karlo's components", () => {
  it("compute in f16, and some of them in f32 if asked", async () => {
    const { features } = await sharedGpu();
    if (!features.f16) return;
    const [expected] = await generate("a cat", { seed: 1, decoderSteps: [6, 4] });
    using half = await open({ dtype: "f16" });
    const [inHalf] = await generate("a cat", { seed: 1, decoderSteps: [6, 4] }, half);
    using mixed = await open({ dtype: "f16", computeInF32: ["U-Net 1", "U-Net 2 (last step)"] });
    const [inBoth] = await generate("a cat", { seed: 1, decoderSteps: [6, 4] }, mixed);
    expect(inBoth!.parameters.computedInF32).toEqual(["U-Net 1", "U-Net 2 (last step)"]);
    // As for the bytes of fixtures: see src/verify/karlo.ts.
    for (const image of [inHalf!, inBoth!]) expect(difference(image.data, expected!.data).nmse).toBeLessThan(1e-2);
    expect([...inHalf!.data]).not.toEqual([...expected!.data]);
  });

  it("give the same images if only one of them is on the GPU at a time", async () => {
    using idle = await open({ offload: "idle" });
    const { components } = idle.models.decoder!;
    expect(components.map(({ name }) => name)).toEqual(COMPONENTS);
    const seen: string[] = [];
    const images = await generate(
      texts,
      {
        seed: 9,
        onProgress: ({ unetNumber, step }) => {
          const loaded = components.filter(({ weights }) => weights.isLoaded).map(({ name }) => name);
          if (unetNumber !== undefined) seen.push(`${unetNumber}.${step} ${loaded.join()}`);
        },
      },
      idle,
    );
    expect(seen).toEqual([
      ...[1, 2, 3].map((step) => `1.${step} ${COMPONENTS[0]!}`),
      ...[1, 2, 3].map((step) => `2.${step} ${COMPONENTS[1]!}`),
      `2.4 ${COMPONENTS[2]!}`,
    ]);
    expect(bytesOf(images)).toEqual(bytesOf(await generate(texts, { seed: 9 })));
  });

  it("get the same noise if they run again", async () => {
    const sample = (times: number) =>
      manager.withArena(async (arena) => {
        const use: UseComponent<Cascade> = (component, body) =>
          manager.useCascade(component, async ({ model }) => {
            for (let i = 1; i < times; i++) disposeState((await body(model, arena)) as RunState);
            return body(model, arena);
          });
        using imageEmbed = arena.from(new Float32Array(24).fill(0.3), [1, 24], "f32");
        using textEmbed = arena.from(new Float32Array(24).fill(-0.2), [1, 24], "f32");
        using textEncodings = arena.from(new Float32Array(77 * 24).fill(0.1), [1, 77, 24], "f32");
        const text = { textEmbed, textEncodings };
        const call = { imageEmbed, ...text, negative: text, steps: [2, 3], noise: new Generator(1), use };
        using images = await manager.models.decoder!.model.sample(arena, call);
        return await images.read();
      });
    expect([...(await sample(2))]).toEqual([...(await sample(1))]);
  });

  it("are compiled before the first image, and counted for a plan of memory", async () => {
    await manager.warmup();
    await manager.loadEachComponent();
    const { components } = await planMemory(folderConfig(folder), { dtype: "f32", batchSize: 2 });
    const names = ["CLIP's text encoder", "CLIP's image encoder", "the prior", ...COMPONENTS];
    expect(components.map(({ name }) => name)).toEqual(names);
    for (const { weightBytes, workBytes } of components) expect(Math.min(weightBytes, workBytes)).toBeGreaterThan(0);
  });

  it("are aborted between two steps, show previews, and leave no memory behind", async () => {
    const gpu = await sharedGpu();
    const shown: number[][] = [];
    await generate("a cat", {
      seed: 1,
      previewEvery: 2,
      onProgress: ({ unetNumber = 0, step, preview }) => preview && shown.push([unetNumber, step, preview[0]!.width]),
    });
    expect(shown).toEqual([
      [1, 2, SMALL],
      [2, 2, LARGE],
      [2, 4, LARGE],
    ]);
    const { live } = gpu.memory();
    const abort = new AbortController();
    const aborted = generate("a cat", {
      seed: 1,
      signal: abort.signal,
      onProgress: ({ unetNumber, step }) => {
        if (unetNumber === 2 && step === 1) abort.abort(new Error("enough"));
      },
    });
    await expect(aborted).rejects.toThrow("enough");
    expect(gpu.memory().live).toBe(live);
  });
});

describe("a folder without a prior", () => {
  it("generates variations, but no images of texts", async () => {
    const config = folderConfig(karloFolder("karlo-image-variation"));
    using own = await DalleModelManager.create(config, { gpu: await sharedGpu(), dtype: "f32" });
    expect(own.prior).toBeUndefined();
    const negative = { negativeText: "a dog", steps: few.decoderSteps, seed: 1 };
    const [image] = (await new ImageVariation(own).run([photo], negative)).get(0)!;
    const [plain] = (await new ImageVariation(own).run([photo], { ...negative, negativeText: undefined })).get(0)!;
    expect(difference(image!.data, plain!.data).maxAbs).toBeGreaterThan(1);
    await expect(generate("a cat", { seed: 1 }, own)).rejects.toThrow(/no prior/);
    const given: Embedding[] = await new Embed(own).images([photo]);
    expect(await generate("a cat", { seed: 1, imageEmbed: given, priorSteps: undefined }, own)).toHaveLength(1);
  });
});
