import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ModelLoadConfig } from "../src/config/load-config.js";
import { NotFiniteError } from "../src/diffusion/sampling-error.js";
import { makeImage } from "../src/image/image.js";
import { BasicInference } from "../src/pipeline/scripts/basic-inference.js";
import { ImageVariation } from "../src/pipeline/scripts/image-variation.js";
import type { Component } from "../src/pipeline/manager/component.js";
import { DalleModelManager } from "../src/pipeline/manager/model-manager.js";
import { sharedGpu } from "./support/gpu.js";
import { changeTensor, plantNaN } from "./support/planting.js";

const CONFIG = "configs/shapes.json";
/** Every so manieth tensor of each component is tried; 1 for all, which takes minutes. */
const STRIDE = Number(process.env.PLANT_STRIDE ?? 37);

let manager: DalleModelManager;

beforeAll(async () => {
  manager = await DalleModelManager.create(await ModelLoadConfig.fromJsonPath(CONFIG), {
    gpu: await sharedGpu(),
    dtype: "f32",
  });
});

afterAll(() => {
  manager.dispose();
});

/** A whole run: of one step where that is possible, guided, so that what stands for dropped conditions is used as well. */
function draw(text = "a red circle"): Promise<unknown> {
  const few = { priorTimesteps: 2, decoderTimesteps: [1, 1], priorNumSamplesPerBatch: 1 };
  return new BasicInference(manager).run(text, { ...few, priorCondScale: 1.5, decoderCondScale: [1.5, 1.5], seed: 1 });
}

function vary(): Promise<unknown> {
  const image = makeImage(64, 64, 3, new Uint8Array(64 * 64 * 3).fill(90));
  return new ImageVariation(manager).run([image], { text: "x", timesteps: [1, 1], seed: 1 });
}

/** What of a component's tensors was planted with NaN and did not end the run. */
async function absorbed(component: Component, prefix: RegExp, run: () => Promise<unknown>): Promise<string[]> {
  const names = [...component.weights.source.tensors.keys()].filter((name) => prefix.test(name));
  const found: string[] = [];
  for (const [i, name] of names.entries()) {
    if (i % STRIDE !== 0) continue;
    const undo = changeTensor(component, name, plantNaN);
    const error: unknown = await run().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    undo();
    if (!(error instanceof NotFiniteError)) found.push(`${name}: ${String(error)}`);
    else expect(error.message.startsWith(component.name), error.message).toBe(true);
  }
  return found;
}

describe("a weight that is not a number ends every run in an error that names the model", () => {
  it("prior", async () => {
    expect(await absorbed(manager.prior!.components[0]!, /^net\./, draw)).toEqual([]);
  });
  it("first U-Net", async () => {
    expect(await absorbed(manager.decoder!.components[0]!, /^unets\.0\./, draw)).toEqual([]);
  });
  it("second U-Net", async () => {
    expect(await absorbed(manager.decoder!.components[1]!, /^unets\.1\./, draw)).toEqual([]);
  });
  it("CLIP's text encoder", async () => {
    let texts = 0;
    const run = () => draw(`a red circle ${texts++}`);
    expect(await absorbed(manager.clip!.components[0]!, /^(?!visual)/, run)).toEqual([]);
  });
  it("CLIP's image encoder", async () => {
    expect(await absorbed(manager.clip!.components[1]!, /^visual/, vary)).toEqual([]);
  });
});
