import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ModelLoadConfig } from "../src/config/load-config.js";
import { openCountingGpu } from "../src/gpu/counting-gpu.js";
import { openGpu } from "../src/gpu/open.js";
import { BasicInference } from "../src/pipeline/basic-inference.js";
import { planMemory, type MemoryPlan } from "../src/pipeline/memory-plan.js";
import { DalleModelManager } from "../src/pipeline/model-manager.js";
import { Arena } from "../src/tensor/arena.js";
import { fixtureFolder } from "./support/golden.js";
import { LaionFiles } from "./support/laion-files.js";

const onWarning = (): void => undefined;

it("counts what a run takes on a device", async () => {
  const config = await ModelLoadConfig.fromJsonPath(join(fixtureFolder("pipeline"), "load_config.json"));
  const plan = await planMemory(config, { dtype: "f32", batchSize: 2, onWarning });
  using gpu = await openGpu();
  using manager = await DalleModelManager.create(config, { gpu, dtype: "f32", residency: "one-at-a-time", onWarning });
  await new BasicInference(manager).run(["a red square", "a blue circle"], { seed: 1 });
  const { peakAllocatedBytes } = gpu.memory();
  // A run's own inputs and results come on top: embeddings, encodings, small pictures.
  expect(peakAllocatedBytes / plan.oneAtATimeBytes).toBeGreaterThan(0.98);
  expect(peakAllocatedBytes / plan.oneAtATimeBytes).toBeLessThan(1.1);
});

describe("of LAION's sets, by files that have their published sizes and no content", () => {
  let folder: string;
  let files: LaionFiles;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "memory-"));
    files = new LaionFiles(folder, new Arena(openCountingGpu()), "published");
  });

  afterAll(() => rm(folder, { recursive: true }));

  async function plan(set: string, dtype: "f32" | "f16" = "f32"): Promise<MemoryPlan> {
    return planMemory(await files.loadConfig(set), { dtype, batchSize: 1, onWarning });
  }

  it("names each component, in the order in which they run", async () => {
    const { components } = await plan("gradio");
    expect(components.map(({ name }) => name)).toEqual([
      "CLIP's text encoder",
      "CLIP's image encoder",
      "the prior",
      "U-Net 1",
      "U-Net 2",
    ]);
  });

  it("adds up weights, which take half in f16", async () => {
    const [f32, f16] = [await plan("gradio"), await plan("gradio", "f16")];
    const weights = ({ components }: MemoryPlan) => components.reduce((sum, one) => sum + one.weightBytes, 0);
    expect(f32.keepBytes).toBeGreaterThan(weights(f32));
    expect(f32.oneAtATimeBytes).toBeLessThan(f32.keepBytes);
    expect(weights(f16) / weights(f32)).toBeCloseTo(0.5, 2);
    // The text encoder of ViT-L/14 has 85 million parameters besides the token embedding, which stays in the file.
    const text = f32.components[0]!.weightBytes / 4e6;
    expect(text).toBeGreaterThan(85);
    expect(text).toBeLessThan(90);
  });
});
