import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { openSource } from "../../src/files/open.js";
import { makeImage, type RgbImage } from "../../src/image/image.js";
import { InferenceScript } from "../../src/pipeline/inference-script.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import type { SampleDecoderOptions, SamplePriorOptions } from "../../src/pipeline/script-options.js";
import { BasicInference } from "../../src/pipeline/scripts/basic-inference.js";
import { BasicInpainting } from "../../src/pipeline/scripts/basic-inpainting.js";
import { ImageVariation } from "../../src/pipeline/scripts/image-variation.js";
import { TextGuidedEdit } from "../../src/pipeline/scripts/text-guided-edit.js";
import { openGpu } from "../../src/gpu/open.js";
import { Arena } from "../../src/tensor/arena.js";
import { openCheckpoint } from "../../src/weights/checkpoint.js";

/** Makes protected methods of scripts public. */
class Calls extends InferenceScript {
  prior(texts: readonly string[], options: SamplePriorOptions) {
    return this.samplePrior(texts, options);
  }
  decoder(options: SampleDecoderOptions) {
    return this.sampleDecoder(options);
  }
}

let manager: DalleModelManager;
let calls: Calls;
/** Weights that were read. */
const loaded: unknown[] = [];

beforeAll(async () => {
  const config = await ModelLoadConfig.fromJsonPath("configs/shapes.json");
  manager = await DalleModelManager.create(config, { onProgress: (progress) => loaded.push(progress) });
  calls = new Calls(manager);
});

afterAll(() => {
  manager.dispose();
});

const embedding = (value = 0.1) => ({ shape: [64], data: new Float32Array(64).fill(value) });
const image = (width = 64, height = width): RgbImage => makeImage(width, height, 3, new Uint8Array(width * height * 3));
const mask = new Array<boolean>(64 * 64).fill(true);

describe("an invalid call is an error before anything runs:", () => {
  it.each<[what: string, code: string, argument: string, call: () => Promise<unknown>]>([
    ["steps of the prior", "argument/out-of-range", "steps", () => calls.prior(["a"], { steps: 5000 })],
    [
      "steps of a U-Net",
      "argument/out-of-range",
      "steps",
      () => calls.decoder({ imageEmbed: [embedding()], steps: 5000 }),
    ],
    [
      "steps of a script",
      "argument/out-of-range",
      "steps",
      () => new BasicInference(manager).run("a", { decoderSteps: 5000 }),
    ],
    [
      "steps when inpainting",
      "argument/out-of-range",
      "steps",
      () => new BasicInpainting(manager).run([image()], [mask], "a", { decoderSteps: 5000 }),
    ],
    [
      "noise on image embeddings",
      "argument/no-effect",
      "noiseLevel",
      () => calls.decoder({ imageEmbed: [embedding()], noiseLevel: 0 }),
    ],
    [
      "noise on image embeddings in a script",
      "argument/no-effect",
      "noiseLevel",
      () => new BasicInference(manager).run("a", { decoderNoiseLevel: 1 }),
    ],
    [
      "a negative level of noise",
      "argument/invalid",
      "noiseLevel",
      () => calls.decoder({ imageEmbed: [embedding()], noiseLevel: -1 }),
    ],
    ["candidates", "argument/invalid", "numSamplesPerBatch", () => calls.prior(["a"], { numSamplesPerBatch: 0 })],
    [
      "candidates of a script",
      "argument/invalid",
      "priorNumSamplesPerBatch",
      () => new BasicInference(manager).run("a", { priorNumSamplesPerBatch: 0 }),
    ],
    [
      "images and embeddings",
      "argument/conflict",
      "images",
      () => calls.decoder({ images: [image()], imageEmbed: [embedding()] }),
    ],
    [
      "texts and encodings",
      "argument/conflict",
      "text",
      () => calls.decoder({ imageEmbed: [embedding()], text: ["a"], textEncoding: [embedding()] }),
    ],
    ["seed and seeds", "argument/conflict", "seed", () => calls.prior(["a"], { seed: 1, seeds: [1] })],
    [
      "lists of other lengths",
      "argument/mismatch",
      "imageEmbed",
      () => calls.decoder({ imageEmbed: [embedding()], text: ["a", "b"] }),
    ],
    [
      "embeddings of other shapes",
      "argument/mismatch",
      "imageEmbed",
      () => calls.decoder({ imageEmbed: [embedding(), { shape: [2], data: new Float32Array(2) }] }),
    ],
    [
      "too few values",
      "argument/mismatch",
      "imageEmbed",
      () => calls.decoder({ imageEmbed: [{ shape: [64], data: new Float32Array(3) }] }),
    ],
    ["too many seeds", "argument/mismatch", "seeds", () => calls.prior(["a"], { seeds: [1, 2] })],
    [
      "another number of scales",
      "argument/mismatch",
      "condScale",
      () => calls.decoder({ imageEmbed: [embedding()], condScale: [1, 1, 1, 1] }),
    ],
    [
      "images that are no squares",
      "argument/mismatch",
      "inpaintImages",
      () =>
        calls.decoder({
          imageEmbed: [embedding()],
          inpaintImages: [image(8, 4)],
          inpaintImageMasks: [new Array<boolean>(32).fill(true)],
        }),
    ],
    [
      "a mask of another size",
      "argument/mismatch",
      "inpaintImageMasks[0]",
      () => new BasicInpainting(manager).run([image()], [[true]], "a"),
    ],
    [
      "a mask without an image",
      "argument/missing",
      "inpaintImages",
      () => calls.decoder({ imageEmbed: [embedding()], inpaintImageMasks: [mask] }),
    ],
    ["no input", "argument/missing", "imageEmbed", () => calls.decoder({})],
    [
      "a first U-Net that is not there",
      "argument/out-of-range",
      "startAtUnetNumber",
      () => calls.decoder({ images: [image()], startAtUnetNumber: 7 }),
    ],
    [
      "a last U-Net that is not there",
      "argument/out-of-range",
      "stopAtUnetNumber",
      () => calls.decoder({ imageEmbed: [embedding()], stopAtUnetNumber: 7 }),
    ],
    ["an empty list of texts", "argument/invalid", "text", () => new BasicInference(manager).run([])],
    ["an empty list of images", "argument/invalid", "images", () => new ImageVariation(manager).run([])],
    [
      "an empty list of images to edit",
      "argument/invalid",
      "images",
      () => new TextGuidedEdit(manager).run([], { from: "a", to: "b" }),
    ],
    [
      "a text to edit from that is none",
      "argument/invalid",
      "from",
      () => new TextGuidedEdit(manager).run([image()], { from: 1 as never, to: "b" }),
    ],
    [
      "a text to edit to that is missing",
      "argument/invalid",
      "to",
      () => new TextGuidedEdit(manager).run([image()], { from: "a", to: undefined as never }),
    ],
    ["what is neither text nor tokens", "argument/invalid", "text[0]", () => calls.prior([1 as never], {})],
    [
      "a component that the decoder has not",
      "argument/invalid",
      "component",
      () => manager.useCascade("U-Net 9", () => Promise.resolve()),
    ],
    ["an empty list of seeds", "argument/invalid", "seeds", () => new BasicInference(manager).run("a", { seeds: [] })],
    [
      "infinity in an embedding",
      "argument/invalid",
      "imageEmbed[0].data[0]",
      () => calls.decoder({ imageEmbed: [embedding(Infinity)] }),
    ],
  ])("%s", async (_, code, argument, call) => {
    await expect(call()).rejects.toMatchObject({ name: "ArgumentError", code, place: { argument } });
    expect(loaded).toEqual([]);
  });
});

describe("rejects with DisposedError after disposal:", () => {
  it("a script with its own manager", async () => {
    const script = await Calls.create("configs/shapes.json", { onProgress: (progress) => loaded.push(progress) });
    script.dispose();
    for (const call of [
      () => script.prior(["a"], {}),
      () => script.decoder({ imageEmbed: [embedding()], text: ["a"] }),
    ]) {
      await expect(call()).rejects.toMatchObject({ name: "DisposedError", code: "manager/disposed" });
    }
    expect(loaded).toEqual([]);
  });

  it("a device", async () => {
    const gpu = await openGpu();
    const arena = new Arena(gpu.stream());
    const x = arena.from([1, 2, 3, 4], [4]);
    gpu.dispose();
    const calls: (() => Promise<unknown>)[] = [
      () => x.read(),
      () => arena.from([1], [1]).read(),
      () => arena.stream.sync(),
    ];
    for (const call of calls) {
      const calling = (async () => call())();
      await expect(calling).rejects.toMatchObject({ name: "DisposedError", code: "device/disposed" });
    }
  });

  it("a checkpoint", async () => {
    const checkpoint = await openCheckpoint(await openSource("test/fixtures/prior-net/model.pth"));
    await checkpoint.close();
    await checkpoint.close();
    const [first] = checkpoint.tensors.values();
    await expect(first!.read()).rejects.toMatchObject({ name: "DisposedError", code: "weights/disposed" });
  });
});
