import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { NotFiniteError } from "../../src/diffusion/sampling-error.js";
import { GpuDevice } from "../../src/gpu/device.js";
import { makeImage } from "../../src/image/image.js";
import { BasicInference, type BasicInferenceOptions } from "../../src/pipeline/scripts/basic-inference.js";
import { ImageVariation } from "../../src/pipeline/scripts/image-variation.js";
import { DisposedError } from "../../src/platform/disposed-error.js";
import { ModelLoader } from "../../src/pipeline/manager/load-models.js";
import { ArgumentError } from "../../src/platform/arguments.js";
import { DalleModelManager, type ManagerOptions } from "../../src/pipeline/manager/model-manager.js";
import type { GeneratedImage } from "../../src/pipeline/generated-image.js";
import { repetitionOf } from "../../src/pipeline/records/repeat.js";
import { writeChangedShapes } from "../support/changed-shapes.js";
import { sharedGpu } from "../support/gpu.js";
import { plantNaN, type Change } from "../support/planting.js";

const folder = mkdtempSync(join(tmpdir(), "dalle2-f32-"));
const few = { priorSteps: 3, decoderSteps: [2, 3], decoderCondScale: [2, 1], seeds: [3, 4] };

/** Overflows in f16, and has little effect in f32, since a norm follows. */
const enlarge: Change = (values) => {
  values.set(values.map((value) => value * 1e7));
};

const OVERFLOWING = {
  "CLIP's text encoder": { clip: { text_projection: enlarge } },
  "CLIP's image encoder": { clip: { "visual.proj": enlarge } },
  "the prior": { prior: { "net.causal_transformer.layers.0.0.to_out.0.weight": enlarge } },
  "U-Net 1": { decoder: { "unets.0.downs.0.1.block1.project.weight": enlarge } },
  "U-Net 2": { decoder: { "unets.1.downs.0.1.block1.project.weight": enlarge } },
};
const names = Object.keys(OVERFLOWING) as (keyof typeof OVERFLOWING)[];
/** Components that text to image uses. */
const ofTexts = names.filter((name) => name !== "CLIP's image encoder");

/** A device that `auto` treats as a GPU. */
let gpu: GpuDevice;
const configs = new Map<string, string>();
const managers: DalleModelManager[] = [];
let warnings: string[];

beforeAll(async () => {
  const { device, adapter, features } = await sharedGpu();
  expect(features.f16, "this needs an adapter with f16, as lavapipe is").toBe(true);
  gpu = new GpuDevice(device as GPUDevice, { ...adapter, isSoftware: false }, features);
  for (const name of names) configs.set(name, await writeChangedShapes(join(folder, name), OVERFLOWING[name]));
});

afterEach(() => {
  for (const manager of managers.splice(0)) manager.dispose();
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function create(config: string, options: ManagerOptions = {}): Promise<DalleModelManager> {
  warnings = [];
  const onWarning = (message: string): void => {
    warnings.push(message);
  };
  const loadConfig = await ModelLoadConfig.fromJsonPath(config);
  const manager = await DalleModelManager.create(loadConfig, { gpu, onWarning, ...options });
  managers.push(manager);
  return manager;
}

async function generate(manager: DalleModelManager, options: BasicInferenceOptions = {}): Promise<GeneratedImage[]> {
  const images = await new BasicInference(manager).run(["a red circle", "a blue square"], { ...few, ...options });
  return [...images.values()].flatMap((some) => [...some.values()].flat());
}

function vary(manager: DalleModelManager): Promise<Map<number, GeneratedImage[]>> {
  const image = makeImage(64, 64, 3, new Uint8Array(64 * 64 * 3).fill(90));
  return new ImageVariation(manager).run([image], { text: "a red circle", steps: [2, 1], seed: 1 });
}

function pixels(images: readonly GeneratedImage[]): Uint8Array[] {
  return images.map(({ data }) => Uint8Array.from(data));
}

describe("a component that overflows in f16", () => {
  it.each(ofTexts)("is repeated in f32 with the same noise: %s", async (name) => {
    const manager = await create(configs.get(name)!);
    expect(manager.dtype).toBe("f16");
    const repeated = await generate(manager);
    expect(repeated.map(({ parameters }) => parameters.computedInF32)).toEqual([[name], [name]]);
    const said = warnings.filter((message) => message.includes("f32"));
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(`${name} overflows in f16`);
    // The second time it computes in f32 without a warning, as in a manager with computeInF32.
    const again = await generate(manager);
    expect(pixels(again)).toEqual(pixels(repeated));
    expect(warnings.filter((message) => message.includes("f32"))).toHaveLength(1);
    const told = await generate(await create(configs.get(name)!, { computeInF32: [name] }));
    expect(pixels(told)).toEqual(pixels(repeated));
    expect(told[0]!.parameters).toEqual(repeated[0]!.parameters);
    expect(warnings.filter((message) => message.includes("f32"))).toEqual([]);
  });

  it("computes in f32 again if dalle2 dream --from repeats the image", () => {
    const recorded = {
      script: "BasicInference",
      text: "a red circle",
      priorCondScale: 1,
      priorSteps: 2,
      decoderCondScale: [1, 1],
      decoderSteps: [1, 1],
    };
    const loading = (computedInF32?: readonly string[]) =>
      repetitionOf({ parameters: { ...recorded, computedInF32 }, dtype: "f16" }).repetition?.loading;
    expect(loading(["U-Net 2"])).toEqual({ dtype: "auto", weights: "full", computeInF32: ["U-Net 2"] });
    expect(loading()).toEqual({ dtype: "auto", weights: "full" });
  });

  it("is repeated for images too", async () => {
    const manager = await create(configs.get("CLIP's image encoder")!);
    const images = await vary(manager);
    expect(images.get(0)![0]!.parameters.computedInF32).toEqual(["CLIP's image encoder"]);
    expect(warnings.filter((message) => message.includes("f32"))).toHaveLength(1);
  });

  it("continues with the state of a shared generator", async () => {
    const options = { seeds: undefined, seed: 9, decoderBatchSize: 1, decoderSampleCount: 2 };
    const repeated = await generate(await create(configs.get("U-Net 2")!), options);
    const told = await generate(await create(configs.get("U-Net 2")!, { computeInF32: ["U-Net 2"] }), options);
    expect(pixels(repeated)).toEqual(pixels(told));
  });

  it("frees its memory in f16", async () => {
    const { live } = gpu.memory();
    const manager = await create(configs.get("U-Net 2")!);
    await generate(manager);
    expect(manager.models.decoder!.components.map(({ weights }) => weights.isLoaded)).toEqual([true, false]);
    manager.dispose();
    // The model in f32 is freed a moment later, since it may still be opening.
    await (gpu.device as GPUDevice).queue.onSubmittedWorkDone();
    expect(gpu.memory().live).toBe(live);
  });

  it("works with offload idle, and in parallel calls", async () => {
    const manager = await create(configs.get("the prior")!, { offload: "idle" });
    const [first, second] = await Promise.all([generate(manager), generate(manager)]);
    expect(pixels(first)).toEqual(pixels(second));
    expect(warnings.filter((message) => message.includes("f32"))).toHaveLength(1);
  });

  it("is repeated after the signal of the loading was aborted", async () => {
    const loading = new AbortController();
    const manager = await create(configs.get("U-Net 2")!, { signal: loading.signal });
    loading.abort();
    const [first] = await generate(manager);
    expect(first!.parameters.computedInF32).toEqual(["U-Net 2"]);
  });

  it("rejects with the reason of the signal of the call, also during the repetition", async () => {
    const manager = await create(configs.get("U-Net 2")!);
    const call = new AbortController();
    const reason = new Error("enough");
    let steps = 0;
    const running = generate(manager, {
      signal: call.signal,
      onProgress: ({ unetNumber, step }) => {
        if (unetNumber === 2 && step === 1 && ++steps === 1) call.abort(reason);
      },
    });
    await expect(running).rejects.toBe(reason);
    expect(warnings.filter((message) => message.includes("f32"))).toHaveLength(1);
  });

  it("is not loaded after the manager is disposed", async () => {
    const manager = await create(configs.get("the prior")!);
    const load = vi.spyOn(ModelLoader.prototype, "prior");
    const error = NotFiniteError.at({ component: "the prior", dtype: "f16", what: "an image embedding" });
    const using = manager.usePrior(() => {
      manager.dispose();
      return Promise.reject(error);
    });
    await expect(using).rejects.toBeInstanceOf(DisposedError);
    expect(load).not.toHaveBeenCalled();
    load.mockRestore();
  });

  it.each(names)("is an error with dtype f16: %s", async (name) => {
    const manager = await create(configs.get(name)!, { dtype: "f16" });
    const running = name === "CLIP's image encoder" ? vary(manager) : generate(manager);
    const error: unknown = await running.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NotFiniteError);
    expect((error as Error).message).toMatch(new RegExp(`^${name}: values are not finite.*--dtype f32`));
  });
});

it("says which tensors of the file are not finite if f32 does not help", async () => {
  const name = "unets.1.downs.0.1.block1.project.weight";
  const config = await writeChangedShapes(join(folder, "nan"), { decoder: { [name]: plantNaN } });
  for (const dtype of ["auto", "f16", "f32"] as const) {
    const error: unknown = await generate(await create(config, { dtype })).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NotFiniteError);
    const { message } = error as NotFiniteError;
    expect(message).toMatch(/^U-Net 2: values are not finite from step 1 of 3 on/);
    expect(message).toContain(`decoder.safetensors is damaged`);
    expect(message).toContain(name);
    expect(message.includes("repeated in f32")).toBe(dtype === "auto");
    expect(message).not.toContain("--dtype");
  }
});

it("rejects unknown names in computeInF32", async () => {
  await expect(create("configs/shapes.json", { computeInF32: ["U-Net 3"] })).rejects.toThrow(
    /computeInF32 has "U-Net 3", but the components are: CLIP's text encoder, CLIP's image encoder, the prior, U-Net 1, U-Net 2/,
  );
  const text = "U-Net 2" as unknown as readonly string[];
  await expect(create("configs/shapes.json", { computeInF32: text })).rejects.toThrow(ArgumentError);
});
