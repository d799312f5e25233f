import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { SamplingError } from "../../src/diffusion/sampling-error.js";
import { makeImage, type RgbImage } from "../../src/image/image.js";
import { BasicInference } from "../../src/pipeline/scripts/basic-inference.js";
import { BasicInpainting } from "../../src/pipeline/scripts/basic-inpainting.js";
import { InferenceScript } from "../../src/pipeline/inference-script.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import type { WarmupProgress } from "../../src/pipeline/manager/warmup.js";
import type { SampleDecoderOptions, ScriptProgress } from "../../src/pipeline/script-options.js";
import type { Fixture } from "../../src/fixture/fixture.js";
import { openFixture } from "../../src/models/open-fixture.js";
import { fixtureFolder } from "../support/golden.js";
import { sharedGpu } from "../support/gpu.js";

const folder = fixtureFolder("pipeline");
const prompts = ["a red square", "a blue circle on a green background"] as const;

let fixture: Fixture;
let manager: DalleModelManager;

beforeAll(async () => {
  fixture = await openFixture(folder);
  const config = await ModelLoadConfig.fromJsonPath(`${folder}/load_config.json`);
  const onWarning = (): void => undefined; // that the prior does not say its version
  manager = await DalleModelManager.create(config, { gpu: await sharedGpu(), dtype: "f32", onWarning });
});

afterAll(async () => {
  manager.dispose();
  await fixture.close();
});

/** Runs the decoder with the options that it gets. */
class DecoderScript extends InferenceScript {
  generate(options: SampleDecoderOptions): Promise<Map<number, RgbImage[]>> {
    return this.sampleDecoder(options);
  }
}

async function photo(): Promise<RgbImage> {
  const { shape, data } = await fixture.tensor("in.photo");
  return makeImage(shape[1]!, shape[0]!, 3, Uint8Array.from(data));
}

it("generates an image from its own seed, in any batch", async () => {
  const script = new BasicInference(manager);
  const together = await script.run(prompts, { seeds: [5, 6] });
  const alone = await script.run(prompts[1], { seed: 6 });
  const pixels = together.get(1)!.get(1)![0]!.data;
  const expected = alone.get(0)!.get(0)![0]!.data;
  expect(Math.max(...pixels.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThanOrEqual(1);
  expect(together.get(0)!.get(0)![0]!.data).not.toEqual(pixels);
});

it("generates several images of an embedding, each repeatable by its two seeds", async () => {
  const script = new BasicInference(manager);
  const images = await script.run(prompts[0], { seeds: [5, 6], decoderSampleCount: 2 });
  const [first, second] = images.get(0)!.get(0)!;
  expect([first, second].map((image) => [image!.seed, image!.parameters.priorSeed])).toEqual([
    [5, 5],
    [6, 5],
  ]);
  const repeat = async (seed: number, priorSeed: number) =>
    (await script.run(prompts[0], { seeds: [seed], priorSeeds: [priorSeed] })).get(0)!.get(0)![0]!;
  const plain = (await script.run(prompts[0], { seeds: [5] })).get(0)!.get(0)![0]!;
  expect(plain.parameters.priorSeed).toBeUndefined();
  const apart = (a: RgbImage, b: RgbImage) => Math.max(...a.data.map((value, i) => Math.abs(value - b.data[i]!)));
  expect(apart(first!, plain)).toBeLessThanOrEqual(1);
  expect(apart(second!, await repeat(6, 5))).toBeLessThanOrEqual(1);
  expect(apart(first!, await repeat(5, 5))).toBeLessThanOrEqual(1);
  // Of another embedding.
  expect(apart(second!, await repeat(6, 6))).toBeGreaterThan(1);
});

it("generates sampleCount inpainted images for each text", async () => {
  const image = await photo();
  const { data: mask } = await fixture.tensor("in.mask");
  const script = new BasicInpainting(manager);
  const options = { seed: 1, sampleCount: 2, resampleTimes: 1 };
  const images = await script.run([image, image], [mask, mask], prompts, options);
  expect([...images].map(([input, some]) => [input, some.length])).toEqual([
    [0, 2],
    [1, 2],
  ]);
  const [first, second] = images.get(0)!;
  expect(first).not.toEqual(second);
  await expect(script.run([image], [], prompts[0])).rejects.toThrow("got 0 masks and 1 text for 1 image.");
});

it("reports each step of every batch", async () => {
  const progress: ScriptProgress[] = [];
  await new BasicInference(manager).run(prompts, {
    seed: 1,
    decoderBatchSize: 1,
    onProgress: (one) => progress.push(one),
  });
  const lines = progress.map(
    ({ phase, unetNumber, step, steps, batch, batches }) =>
      `${phase}${unetNumber ?? ""} ${step}/${steps} ${batch}/${batches}`,
  );
  // The prior's 3 DDIM steps are 2 evaluations; U-Nets of 4 and 3 steps take one more.
  const cascade = (batch: number): string[] => [
    ...[1, 2, 3, 4].map((step) => `decoder1 ${step}/4 ${batch}/2`),
    ...[1, 2, 3].map((step) => `decoder2 ${step}/3 ${batch}/2`),
  ];
  expect(lines).toEqual(["prior 1/2 1/1", "prior 2/2 1/1", ...cascade(1), ...cascade(2)]);
});

it("leaves no tensor, and allocates no memory in a second run", async () => {
  const { live } = manager.gpu.memory();
  const script = new BasicInference(manager);
  await script.run(prompts[0], { seed: 1 });
  const { created } = manager.gpu.memory();
  await script.run(prompts[0], { seed: 1 });
  expect(manager.gpu.memory()).toMatchObject({ live, created });
});

it("generates the same image from the same seed, and needs no memory for warm-up", async () => {
  const { live } = manager.gpu.memory();
  const progress: WarmupProgress[] = [];
  await manager.warmup({ onProgress: (one) => progress.push(one) });
  expect(manager.gpu.memory().live).toBe(live);
  const { totalKernels } = progress[0]!;
  expect(totalKernels).toBeGreaterThan(20);
  expect(progress.every((one, i) => one.totalKernels === totalKernels && one.compiledKernels >= i)).toBe(true);
  expect([progress[0]!.compiledKernels, progress.at(-1)!.compiledKernels]).toEqual([0, totalKernels]);
  const aborted = AbortSignal.abort(new Error("enough"));
  await expect(manager.warmup({ signal: aborted })).rejects.toThrow("enough");
  let calls = 0;
  const throwing = (): void => {
    if (++calls === 2) throw new Error("no more");
  };
  await expect(manager.warmup({ onProgress: throwing })).rejects.toThrow("no more");
  expect(calls).toBe(2);
  const [first, second] = [
    await new BasicInference(manager).run(prompts[0], { seed: 1 }),
    await new BasicInference(manager).run(prompts[0], { seed: 1 }),
  ];
  expect(first).toEqual(second);
});

describe("rejects with an error:", () => {
  it("for more images than seeds, before anything runs", async () => {
    const steps: unknown[] = [];
    const options = { seeds: [1, 2], decoderSampleCount: 2, onProgress: (step: unknown) => steps.push(step) };
    const script = new BasicInference(manager);
    await expect(script.run(prompts, options)).rejects.toThrow("2 seeds or generators for 4 images");
    const priorSeeds = [1, 2];
    await expect(script.run(prompts[0], { ...options, priorSeeds })).rejects.toThrow("priorSeeds has 2 values for 1");
    await expect(script.run(prompts, { seed: 1, priorSeeds })).rejects.toThrow("priorSeeds needs seeds");
    expect(steps).toEqual([]);
  });

  it("for missing inputs of the decoder", async () => {
    const script = new DecoderScript(manager);
    await expect(script.generate({ text: ["a"] })).rejects.toThrow("pass imageEmbed or images");
    await expect(script.generate({ images: [await photo()] })).rejects.toThrow("pass text or textEncoding");
    const embedding = { shape: [32], data: new Float32Array(32).fill(0.1) };
    await expect(script.generate({ imageEmbed: [embedding], text: ["a", "b"] })).rejects.toThrow(
      "1 of imageEmbed, 2 of text",
    );
    await expect(script.generate({ imageEmbed: [embedding], text: ["a"], seeds: [1, 2] })).rejects.toThrow(
      "2 seeds or generators for 1 image",
    );
    const tiny = makeImage(8, 8, 3, new Uint8Array(192));
    await expect(script.generate({ images: [tiny], text: ["a"] })).rejects.toThrow("at least 16 pixels a side");
  });

  it("for files of a load config", async () => {
    const local = (path: string) => ({ load_type: "local", path });
    const gpu = await sharedGpu();
    const create = (config: object) =>
      DalleModelManager.create(ModelLoadConfig.parse(config, `${folder}/c.json`), { gpu });
    await expect(create({ clip: { make: "openai", model: "tiny" } })).rejects.toThrow(
      'OpenAI published no CLIP "tiny"; its models are RN50,',
    );
    await expect(create({ clip: { make: "x-clip" } })).rejects.toThrow("clip.load_model_from is missing");
    await expect(create({ clip: { make: "coca", load_model_from: local("clip.safetensors") } })).rejects.toThrow(
      "clip.base_model_kwargs.dim: missing; expected a number",
    );
    await expect(create({ prior: { load_model_from: local("decoder.safetensors") } })).rejects.toThrow("c.json names");
    await expect(create({ prior: { load_model_from: local("nothing.pth") } })).rejects.toThrow("nothing.pth");
  });

  it("for models that the load config does not have", async () => {
    const config = ModelLoadConfig.parse({}, "empty.json");
    using empty = await DalleModelManager.create(config, { gpu: await sharedGpu() });
    await expect(new BasicInference(empty).run("a red square")).rejects.toThrow(SamplingError);
    await expect(new DecoderScript(empty).generate({})).rejects.toThrow(
      "empty.json has no decoder, which is needed to generate images",
    );
  });
});
