import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InvalidArgumentError } from "commander";
import { seedNumber } from "../../src/cli/generating/seeds.js";
import * as optionValues from "../../src/cli/option-values.js";
import { ArgumentError } from "../../src/platform/arguments.js";
import { ConfigError, parseConfig } from "../../src/config/config-error.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { trainDecoderConfig } from "../../src/models/dalle2-pytorch/train-config.js";
import { openGpu } from "../../src/gpu/open.js";
import { makeImage } from "../../src/image/image.js";
import { InferenceScript } from "../../src/pipeline/inference-script.js";
import { DalleModelManager, type ManagerOptions } from "../../src/pipeline/manager/model-manager.js";
import { planMemory } from "../../src/pipeline/manager/memory-plan.js";
import { BasicInference } from "../../src/pipeline/scripts/basic-inference.js";
import { BasicInpainting } from "../../src/pipeline/scripts/basic-inpainting.js";
import { ImageVariation } from "../../src/pipeline/scripts/image-variation.js";
import { Interpolate } from "../../src/pipeline/scripts/interpolate.js";
import { TextGuidedEdit } from "../../src/pipeline/scripts/text-guided-edit.js";
import { Upscale } from "../../src/pipeline/scripts/upscale.js";
import type { SampleDecoderOptions } from "../../src/pipeline/script-options.js";
import { sharedGpu } from "../support/gpu.js";

let config: ModelLoadConfig;
let manager: DalleModelManager;

beforeAll(async () => {
  config = await ModelLoadConfig.fromJsonPath("configs/shapes.json");
  manager = await DalleModelManager.create(config, { gpu: await sharedGpu(), dtype: "f32" });
});

afterAll(() => {
  manager.dispose();
});

const image = makeImage(64, 64, 3, new Uint8Array(64 * 64 * 3));
const mask = new Uint8Array(64 * 64);

/** Exposes the private members of scripts. */
class Bare extends InferenceScript {
  decode(options: SampleDecoderOptions): Promise<unknown> {
    return this.sampleDecoder(options);
  }
  prior(options: object): Promise<unknown> {
    return this.samplePrior(["x"], options);
  }
}

/** Each script with options as JavaScript may pass them. */
const SCRIPTS: Readonly<Record<string, (options: object) => Promise<unknown>>> = {
  BasicInference: (options) => new BasicInference(manager).run("a red circle", options),
  BasicInpainting: (options) => new BasicInpainting(manager).run([image], [mask], "x", options),
  ImageVariation: (options) => new ImageVariation(manager).run([image], { text: "x", ...options }),
  Upscale: (options) => new Upscale(manager).run([image], { text: "x", ...options }),
  Interpolate: (options) => new Interpolate(manager).run("a", "b", options),
  TextGuidedEdit: (options) => new TextGuidedEdit(manager).run([image], { from: "a", to: "b", ...options }),
  samplePrior: (options) => new Bare(manager).prior(options),
  sampleDecoder: (options) => new Bare(manager).decode({ text: ["x"], images: [image], ...options }),
};

const NO_COUNTS = [NaN, Infinity, 0, -1, 1.5, "2", 2 ** 60];
const NO_NUMBERS = [NaN, Infinity, -Infinity, "1", {}];
const NO_SEEDS = [NaN, Infinity, -1, 1.5, "1", 2 ** 53];

const REFUSED: readonly (readonly [script: string, option: string, values: readonly unknown[]])[] = [
  ["BasicInference", "priorCondScale", NO_NUMBERS],
  ["BasicInference", "decoderCondScale", [...NO_NUMBERS, [1, NaN], [1, "x"]]],
  ["BasicInference", "priorSteps", NO_COUNTS],
  ["BasicInference", "decoderSteps", [...NO_COUNTS, [2, NaN], [0, 1]]],
  ["BasicInference", "priorSampleCount", NO_COUNTS],
  ["BasicInference", "decoderSampleCount", NO_COUNTS],
  ["BasicInference", "priorBatchSize", NO_COUNTS],
  ["BasicInference", "decoderBatchSize", NO_COUNTS],
  ["BasicInference", "priorNumSamplesPerBatch", NO_COUNTS],
  ["BasicInference", "previewEvery", NO_COUNTS],
  ["BasicInference", "seed", NO_SEEDS],
  ["BasicInference", "seeds", [[NaN], [-1], [2 ** 53], 3]],
  ["BasicInpainting", "resampleTimes", NO_COUNTS],
  ["BasicInpainting", "decoderCondScale", NO_NUMBERS],
  ["ImageVariation", "condScale", NO_NUMBERS],
  ["ImageVariation", "sampleCount", NO_COUNTS],
  ["Upscale", "startAtUnetNumber", NO_COUNTS],
  ["Interpolate", "frames", NO_COUNTS],
  ["Interpolate", "priorCondScale", NO_NUMBERS],
  ["TextGuidedEdit", "strength", [...NO_NUMBERS, -0.1, 1.1]],
  ["TextGuidedEdit", "frames", NO_COUNTS],
  ["TextGuidedEdit", "seeds", [[NaN], ["1"]]],
  ["samplePrior", "condScale", [...NO_NUMBERS, [1]]],
  ["samplePrior", "numSamplesPerBatch", NO_COUNTS],
  ["samplePrior", "steps", NO_COUNTS],
  ["sampleDecoder", "inpaintResampleTimes", NO_COUNTS],
  ["sampleDecoder", "stopAtUnetNumber", NO_COUNTS],
  ["sampleDecoder", "batchSize", NO_COUNTS],
];

it.each(REFUSED)("%s refuses an invalid %s before anything is computed", async (script, option, values) => {
  const { created } = manager.gpu.memory();
  for (const value of values) {
    const error: unknown = await SCRIPTS[script]!({ [option]: value }).catch((reason: unknown) => reason);
    expect(error, `${option}: ${String(value)}`).toBeInstanceOf(ArgumentError);
    expect((error as Error).message).toMatch(new RegExp(`^${option}(?:\\[\\d\\])? must be `));
  }
  expect(manager.gpu.memory().created).toBe(created);
});

it("refuses texts that are none", async () => {
  for (const text of [123, [1], null, [undefined]]) {
    const drawing = new BasicInference(manager).run(text as unknown as string);
    await expect(drawing).rejects.toThrow(ArgumentError);
    await expect(drawing).rejects.toThrow(/^text(?:\[0\])? must be a /);
  }
});

it("refuses embeddings that hold infinity or NaN", async () => {
  const imageEmbed = [{ shape: [2], data: new Float32Array([1, NaN]) }];
  const drawing = new Bare(manager).decode({ imageEmbed, text: ["x"] });
  await expect(drawing).rejects.toThrow("imageEmbed[0].data[1] must be a finite number, not NaN.");
});

describe("limits of a device", () => {
  it.each(["memoryLimit", "poolBytes", "maxBindingSize", "maxBufferSize"])("%s", async (name) => {
    for (const value of [NaN, -1, "1e9"]) {
      const opening = openGpu({ [name]: value });
      await expect(opening).rejects.toThrow(ArgumentError);
      await expect(opening).rejects.toThrow(`${name} must be a number of bytes of at least 0`);
    }
  });

  it("memoryLimit as a property, which stays what it was", async () => {
    const gpu = await sharedGpu();
    expect(() => (gpu.memoryLimit = NaN)).toThrow(ArgumentError);
    expect(() => (gpu.memoryLimit = -1)).toThrow(/^memoryLimit must be/);
    expect(gpu.memoryLimit).toBe(Infinity);
    gpu.memoryLimit = Infinity;
  });
});

it("refuses a dtype and a offload that there are not", async () => {
  const gpu = await sharedGpu();
  const create = (options: object) => DalleModelManager.create(config, { gpu, ...(options as ManagerOptions) });
  await expect(create({ dtype: "f64" })).rejects.toThrow('dtype must be "auto" or "f32" or "f16", not "f64".');
  await expect(create({ offload: "all" })).rejects.toThrow(ArgumentError);
  await expect(planMemory(config, { dtype: "f32", batchSize: NaN })).rejects.toThrow("batchSize must be");
  await expect(manager.warmup({ decoderCondScale: [1, NaN] })).rejects.toThrow("decoderCondScale[1] must be");
});

describe("numbers of a config that are none", () => {
  it("in a load config", () => {
    const text = JSON.stringify(config.data)
      .replace('"default_cond_scale":[2,1]', '"default_cond_scale":[1e999,1]')
      .replace('"default_sample_timesteps":16', '"default_sample_timesteps":1e999');
    const parse = () => ModelLoadConfig.parse(JSON.parse(text));
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(/unet_sources\[0\]\.default_cond_scale\[0\]: expected a number, found Infinity/);
    expect(parse).toThrow(/prior\.default_sample_timesteps: .*found Infinity/);
  });

  it.each(["ddim_sampling_eta", "dynamic_thres_percentile", "lowres_noise_sample_level", "timesteps"])(
    "in a train config: %s",
    (name) => {
      for (const value of [Infinity, NaN, -1]) {
        const decoder = { unets: [{ dim: 8 }], [name]: value };
        expect(() => parseConfig(trainDecoderConfig, { decoder }, "decoder.json")).toThrow(
          new RegExp(`decoder\\.${name}: expected .*, found ${value}`),
        );
      }
    },
  );
});

describe("option values of the command line", () => {
  const { fraction, wholeNumber } = optionValues;
  it.each([
    ["a fraction", fraction, ["NaN", "-0.1", "2", "1e999"]],
    ["a count", wholeNumber, ["NaN", "0", "1.5", "-1", "1e999", "1e300"]],
    ["a seed", seedNumber, ["NaN", "-2", "1.5", "9007199254740992", "1e999"]],
  ] as const)("%s", (_, read, values) => {
    for (const value of values) expect(() => read(value), value).toThrow(InvalidArgumentError);
  });
});
