import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.js";
import { toPlanes, type RgbImage } from "../../src/image/image.js";
import { openSource } from "../../src/files/open.js";
import { convertCheckpoint } from "../../src/models/convert.js";
import { registerFamily } from "../../src/models/families.js";
import { examineCheckpoint } from "../../src/models/inspect.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import { InferenceScript } from "../../src/pipeline/inference-script.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { planMemory } from "../../src/pipeline/manager/memory-plan.js";
import { DalleModelManager, type ManagerOptions } from "../../src/pipeline/manager/model-manager.js";
import { BasicInference } from "../../src/pipeline/scripts/basic-inference.js";
import { BasicInpainting } from "../../src/pipeline/scripts/basic-inpainting.js";
import { ImageVariation } from "../../src/pipeline/scripts/image-variation.js";
import { Interpolate } from "../../src/pipeline/scripts/interpolate.js";
import { TextGuidedEdit } from "../../src/pipeline/scripts/text-guided-edit.js";
import { Upscale } from "../../src/pipeline/scripts/upscale.js";
import { verifyFixture } from "../../src/verify/verify.js";
import { MemorySource } from "../../src/platform/source.js";
import { FormatError } from "../../src/weights/errors.js";
import { collect } from "../support/collect.js";
import { fixtureFolder } from "../support/golden.js";
import { sharedGpu } from "../support/gpu.js";
import { safetensorsFile, type StoredTensors } from "../support/safetensors-file.js";
import { SIDES, TOY_INDEX, toyFamily } from "../support/toy-family.js";

const GAINS = { bright: [0.9, 0.8, 0.7], last: [1.1, 1, 0.5] } as const;
/** Width of the embeddings of the CLIP in the fixture. */
const DIM = 32;
const local = (path: string) => ({ load_type: "local", path });

let folder: string;
let unregister: () => void;

beforeAll(async () => {
  unregister = registerFamily(toyFamily);
  folder = await mkdtemp(join(tmpdir(), "toy-"));
  await mkdir(join(folder, "prior"));
  await writeFile(join(folder, "prior", "model_index.json"), JSON.stringify(TOY_INDEX));
  await write("prior/prior.safetensors", { gain: { shape: [1, DIM], values: new Array<number>(DIM).fill(2) } });
  await write("cascade.safetensors", {
    "bright.gain": { shape: [1, 3], values: GAINS.bright },
    "last.gain": { shape: [1, 3], values: GAINS.last },
  });
});

afterAll(async () => {
  unregister();
  await rm(folder, { recursive: true });
});

async function write(name: string, tensors: StoredTensors): Promise<void> {
  await writeFile(join(folder, name), await safetensorsFile(tensors));
}

/** A load config of toys, with the CLIP in a fixture of another family. */
function toys(cascade: object = {}): ModelLoadConfig {
  const clip = {
    make: "openai",
    model: "tiny",
    load_model_from: local(join(fixtureFolder("pipeline"), "clip.safetensors")),
  };
  const source = { unet_numbers: [1, 2], load_model_from: local("cascade.safetensors"), ...cascade };
  return ModelLoadConfig.parse(
    { clip, prior: { load_model_from: local("prior") }, decoder: { unet_sources: [source] } },
    join(folder, "toys.json"),
  );
}

async function openToys(options: ManagerOptions = {}, cascade: object = {}): Promise<DalleModelManager> {
  return DalleModelManager.create(toys(cascade), { gpu: await sharedGpu(), ...options });
}

class Embedding extends InferenceScript {
  of(text: string) {
    return this.embedText([text]);
  }
}

/** The image that the cascade generates of an embedding, in float64. */
function expectedImage(embedding: Float32Array, steps = 3, shift = 0): number[] {
  return [0, 1, 2].flatMap((channel) =>
    Array.from({ length: SIDES.second ** 2 }, (_, pixel) => {
      const [y, x] = [Math.floor(pixel / SIDES.second), pixel % SIDES.second];
      const scale = SIDES.second / SIDES.seen;
      const seen = embedding[(channel * SIDES.seen + Math.floor(y / scale)) * SIDES.seen + Math.floor(x / scale)]!;
      const value = (0.5 * seen + 0.5 + shift) * GAINS.bright[channel]! ** (steps - 1) * GAINS.last[channel]!;
      return Math.min(Math.max(value, 0), 1);
    }),
  );
}

function expectImage(image: RgbImage | undefined, expected: readonly number[]): void {
  expect([image?.width, image?.height]).toEqual([SIDES.second, SIDES.second]);
  const errors = toPlanes(image!).map((value, i) => Math.abs(value - expected[i]!));
  expect(Math.max(...errors)).toBeLessThan(1 / 255);
}

describe("a family that only the registry knows", () => {
  it("generates images with its prior and its cascade", async () => {
    using manager = await openToys();
    const [embedding] = await new Embedding(manager).of("a red circle");
    const images = await new BasicInference(manager).run("a red circle", { seed: 1 });
    const doubled = embedding!.data.map((value) => 2 * value);
    expectImage(images.get(0)!.get(0)![0], expectedImage(doubled));
    const [fewer] = [...(await new BasicInference(manager).run("a red circle", { seed: 1, decoderSteps: 2 })).values()];
    expectImage(fewer!.get(0)![0], expectedImage(doubled, 2));
  });

  it("runs every script", async () => {
    using manager = await openToys();
    const size = SIDES.second;
    const image: RgbImage = (await new BasicInference(manager).run("a red circle", { seed: 1 })).get(0)!.get(0)![0]!;
    const large = (await new ImageVariation(manager).run([image], { seed: 1, sampleCount: 2 })).get(0)!;
    expect(large.map(({ width, height }) => [width, height])).toEqual([
      [size, size],
      [size, size],
    ]);
    const mask = Array.from({ length: size * size }, (_, i) => i % size < size / 2);
    const [inpainted] = (await new BasicInpainting(manager).run([image], [mask], ["a blue square"], { seed: 1 })).get(
      0,
    )!;
    expect([...inpainted!.data.slice(0, 3)]).toEqual([...image.data.slice(0, 3)]);
    expect(inpainted!.width).toBe(size);
    expect((await new Upscale(manager).run([image], { seed: 1 })).get(0)![0]!.width).toBe(size);
    expect(await new Interpolate(manager).run("a red circle", image, { seed: 1, frames: 3 })).toHaveLength(3);
    const edit = { from: "a red circle", to: "a blue circle", seed: 1 };
    expect((await new TextGuidedEdit(manager).run([image], edit)).get(0)).toHaveLength(1);
    await manager.warmup();
    await manager.loadEachComponent();
  });

  it("has each network of a stage on the GPU only for its own steps, with offload idle", async () => {
    using manager = await openToys({ offload: "idle" });
    const { components } = manager.models.decoder!;
    const seen: string[] = [];
    await new BasicInference(manager).run("a red circle", {
      seed: 1,
      onProgress: ({ unetNumber, step, steps }) => {
        if (unetNumber !== 2) return;
        const loaded = components.filter(({ weights }) => weights.isLoaded).map(({ name }) => name);
        seen.push(`${step}/${steps} ${loaded.join()}`);
      },
    });
    expect(seen).toEqual(["1/3 the toy's first network", "2/3 the toy's first network", "3/3 the toy's last network"]);
  });

  it("has a time estimate from the steps of the load config", async () => {
    using manager = await openToys({}, { default_sample_timesteps: [1, 5] });
    const seen: string[] = [];
    await new BasicInference(manager).run("a red circle", {
      seed: 1,
      onProgress: ({ phase, step, steps, millisecondsLeft }) => {
        seen.push(`${phase} ${step}/${steps}, ${millisecondsLeft === 0 ? "done" : "not done"}`);
      },
    });
    expect(seen).toEqual([
      "prior 1/1, not done",
      "decoder 1/1, not done",
      "decoder 1/5, not done",
      "decoder 2/5, not done",
      "decoder 3/5, not done",
      "decoder 4/5, not done",
      "decoder 5/5, done",
    ]);
  });

  it("is counted in the memory of a load config", async () => {
    const { components } = await planMemory(toys(), { dtype: "f32", batchSize: 1 });
    expect(components.map(({ name }) => name)).toEqual([
      "CLIP's text encoder",
      "CLIP's image encoder",
      "the toy's prior",
      "the toy's first network",
      "the toy's last network",
    ]);
    for (const { workBytes } of components) expect(workBytes).toBeGreaterThan(0);
  });

  it("has its own keys in load configs while it is registered", async () => {
    using manager = await openToys({}, { toy_shift: 0.25 });
    const [embedding] = await new Embedding(manager).of("a red circle");
    const [image] = [...(await new BasicInference(manager).run("a red circle", { seed: 1 })).values()];
    const doubled = embedding!.data.map((value) => 2 * value);
    expectImage(image!.get(0)![0], expectedImage(doubled, 3, 0.25));
    unregister();
    try {
      expect(() => toys({ toy_shift: 0.25 })).toThrow(ConfigError);
    } finally {
      unregister = registerFamily(toyFamily);
    }
  });

  it("provides the texts of inspect and convert, and verifies its fixtures", async () => {
    const checkpoint = await openCheckpoint(await openSource(join(folder, "cascade.safetensors")));
    const { inspection, sections } = await examineCheckpoint(checkpoint);
    expect(inspection).toMatchObject({ component: "toy", dialect: { version: "7" } });
    expect(sections).toEqual([{ title: "Toy of version 7", rows: [["colour", "red"]] }]);
    const bytes = Buffer.concat(await collect(convertCheckpoint(checkpoint)));
    await checkpoint.close();
    const converted = await openCheckpoint(new MemorySource(bytes, "toy.safetensors"));
    expect(converted.metadata.get("toy")).toBe("7");

    await mkdir(join(folder, "fixture"), { recursive: true });
    const fixture = { name: "toy", kind: "toy", reference: "toys 7" };
    await writeFile(join(folder, "fixture", "fixture.json"), JSON.stringify(fixture));
    await write("fixture/io.safetensors", {
      "in.once": { shape: [2], values: [1, 2] },
      "out.twice": { shape: [2], values: [2, 4] },
    });
    const openArena = () => Promise.reject(new Error("no GPU is needed"));
    expect(await verifyFixture(join(folder, "fixture"), openArena)).toMatchObject({ pass: true });
  });

  it("is an error in place of another kind of model, and with models of another family", async () => {
    const gpu = await sharedGpu();
    const swapped = ModelLoadConfig.parse(
      { prior: { load_model_from: local("cascade.safetensors") } },
      join(folder, "toys.json"),
    );
    await expect(DalleModelManager.create(swapped, { gpu })).rejects.toThrow(
      `names ${join(folder, "cascade.safetensors")} as a prior, but that holds a toy`,
    );
    const upsampler = join(fixtureFolder("pipeline"), "upsampler.safetensors");
    const sources = [
      { unet_numbers: [1], load_model_from: local("cascade.safetensors") },
      { unet_numbers: [2], load_model_from: local(upsampler) },
    ];
    const mixed = ModelLoadConfig.parse({ decoder: { unet_sources: sources } }, join(folder, "toys.json"));
    await expect(DalleModelManager.create(mixed, { gpu })).rejects.toThrow(
      `combines models of toys (decoder.unet_sources[0], ${join(folder, "cascade.safetensors")}) and of DALLE2-pytorch`,
    );
  });
});

describe("a file that no family claims", () => {
  const load = async (): Promise<unknown> =>
    DalleModelManager.create(toys(), { gpu: await sharedGpu() }).catch((error: unknown) => error);

  it("is an error that says what was found and what is supported", async () => {
    unregister();
    try {
      const folderError = await load();
      expect(folderError).toBeInstanceOf(FormatError);
      expect(String(folderError)).toMatch(
        /prior: unrecognised checkpoint: found a folder of class ToyPriorPipeline with prior; supported are priors and decoders of DALLE2-pytorch;.* CLIPs of openai, open_clip, x-clip, coca/,
      );
      const decoder = ModelLoadConfig.parse(
        { decoder: { unet_sources: [{ unet_numbers: [1], load_model_from: local("cascade.safetensors") }] } },
        join(folder, "toys.json"),
      );
      const loading = DalleModelManager.create(decoder, { gpu: await sharedGpu() });
      await expect(loading).rejects.toThrow(
        "cascade.safetensors: unrecognised checkpoint: found 2 tensors (safetensors) named bright.*, last.*; supported are",
      );
    } finally {
      unregister = registerFamily(toyFamily);
    }
  });
});
