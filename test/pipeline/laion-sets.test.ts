import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readJson } from "../../src/config/read-json.js";
import { trainDecoderConfig, trainPriorConfig } from "../../src/models/dalle2-pytorch/train-config.js";
import { makeImage, type RgbImage } from "../../src/image/image.js";
import { BasicInference } from "../../src/pipeline/scripts/basic-inference.js";
import { ImageVariation } from "../../src/pipeline/scripts/image-variation.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import { Arena } from "../../src/tensor/arena.js";
import { sharedGpu } from "../support/gpu.js";
import { LaionFiles, type LoadConfigOptions } from "../support/laion-files.js";

const configs = fileURLToPath(new URL("../../configs/laion", import.meta.url));
const seed = 11;
const text = "a red square";

let folder: string;
let files: LaionFiles;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "laion-"));
  files = new LaionFiles(folder, new Arena((await sharedGpu()).stream()));
});

afterAll(() => rm(folder, { recursive: true }));

interface Loaded {
  readonly manager: DalleModelManager;
  readonly warnings: readonly string[];
}

async function load(set: string, options?: LoadConfigOptions): Promise<Loaded> {
  const warnings: string[] = [];
  const manager = await DalleModelManager.create(await files.loadConfig(set, options), {
    gpu: await sharedGpu(),
    dtype: "f32",
    onWarning: (warning) => warnings.push(warning),
  });
  return { manager, warnings };
}

/** An image in the fewest steps possible: two of the prior and of each U-Net, by DDIM. */
async function generate(manager: DalleModelManager): Promise<RgbImage> {
  const steps = manager.models.decoder!.model.stages.map(() => 2);
  if (manager.prior) {
    const images = await new BasicInference(manager).run(text, { seed, priorSteps: 3, decoderSteps: steps });
    return images.get(0)!.get(0)![0]!;
  }
  const photo = makeImage(
    24,
    24,
    3,
    Uint8Array.from({ length: 24 * 24 * 3 }, (_, i) => (i * 7) % 256),
  );
  const varied = await new ImageVariation(manager).run([photo], { text, seed, steps: steps });
  return varied.get(0)![0]!;
}

/** The versions that the files are read as, in the order of the config. */
const SETS = [
  { set: "gradio", side: 32, prior: "1.1.0", decoder: ["1.1.0", "1.1.0"] },
  { set: "upsampler", side: 32, prior: "1.1.0", decoder: ["1.1.0", "1.1.0"] },
  { set: "variation", side: 32, prior: undefined, decoder: ["1.1.0", "1.1.0"] },
  { set: "upsampler-1024", side: 64, prior: "1.1.0", decoder: ["1.1.0", "1.1.0", "1.6.4"] },
  { set: "decoder-1.5B", side: 16, prior: "0.11.5", decoder: ["0.15.4"] },
  { set: "decoder-1.5B-laion2B", side: 16, prior: "0.11.5", decoder: ["0.15.4"] },
  { set: "da-vinc-e", side: 16, prior: "0.11.5", decoder: ["0.11.5"] },
  { set: "decoder-2B", side: 16, prior: "1.1.0", decoder: ["1.1.0"] },
  { set: "decoder-2.4B-fp16", side: 16, prior: "1.1.0", decoder: ["1.2.2"] },
  { set: "decoder-3B-fp16", side: 16, prior: "1.1.0", decoder: ["1.4.2"] },
  { set: "prior-aesthetic", side: 16, prior: "0.19.6", decoder: ["1.1.0"] },
  { set: "nousr-vit-h-14", side: 16, prior: undefined, decoder: ["1.11.4"] },
];

describe("generates an image from its config:", () => {
  it.each(SETS)("$set", async ({ set, side, prior, decoder }) => {
    const loaded = await load(set);
    using manager = loaded.manager;
    expect(manager.models.prior?.origins.map(({ dialect }) => dialect?.version)).toEqual(prior && [prior]);
    expect(manager.models.decoder!.origins.map(({ dialect }) => dialect?.version)).toEqual(decoder);
    const { width, height, data } = await generate(manager);
    expect([width, height]).toEqual([side, side]);
    expect(new Set(data).size).toBeGreaterThan(16);
  });
});

describe("LAION's set of a decoder of 1.1.0, a prior of 0.23 and an upsampler of 0.26", () => {
  async function pixels(options?: LoadConfigOptions) {
    const loaded = await load("gradio", options);
    using manager = loaded.manager;
    return { data: (await generate(manager)).data, warnings: loaded.warnings };
  }

  it("is read as the version that wrote each file, with warnings about two assumed versions", async () => {
    const [detected, told] = [await pixels(), await pixels({ version: (made) => made })];
    expect(detected.data).toEqual(told.data);
    expect(told.warnings).toEqual([]);
    expect(detected.warnings).toEqual([
      expect.stringMatching(/Assuming \S+: lnStable "finalPrior", priorAttn "scaled", relposMult 128\./),
      expect.stringMatching(/Assuming \S+: unetSelfScale "rsqrt", linearAttn "plain"\./),
    ]);
  });

  it("is another model if all files are read as one version", async () => {
    const [own, one] = [await pixels({ version: (made) => made }), await pixels({ version: () => "1.4.4" })];
    expect(one.data).not.toEqual(own.data);
  });
});

it("all load configs are tested", async () => {
  const names = (await readdir(configs)).filter((name) => name.endsWith(".json"));
  expect(names.map((name) => name.replace(".json", "")).sort()).toEqual(SETS.map(({ set }) => set).sort());
});

it("train configs say what is assumed", async () => {
  const names = await readdir(join(configs, "train"));
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) {
    const config = await readJson(join(configs, "train", name));
    const parsed = [trainDecoderConfig, trainPriorConfig].flatMap((schema) => schema.safeParse(config).data ?? []);
    expect([name, parsed.length]).toEqual([name, 1]);
    expect([name, typeof parsed[0]!.assumed]).toEqual([name, name.includes(".assumed.") ? "string" : "undefined"]);
  }
});
