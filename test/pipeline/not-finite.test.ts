import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { NotFiniteError } from "../../src/diffusion/sampling-error.js";
import { makeImage } from "../../src/image/image.js";
import { BasicInference } from "../../src/pipeline/scripts/basic-inference.js";
import { ImageVariation } from "../../src/pipeline/scripts/image-variation.js";
import type { Component } from "../../src/models/component.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import { writeChangedShapes } from "../support/changed-shapes.js";
import { dalle2 } from "../support/cli.js";
import { sharedGpu } from "../support/gpu.js";
import { changeTensor, plantNaN } from "../support/planting.js";

const CONFIG = "configs/shapes.json";
/** Every n-th tensor of each component is tried; 1 tries all, which takes minutes. */
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

/** A whole run, of one step if possible. It is guided, so that null embeddings are used too. */
function generate(text = "a red circle"): Promise<unknown> {
  const few = { priorSteps: 2, decoderSteps: [1, 1], priorNumSamplesPerBatch: 1 };
  return new BasicInference(manager).run(text, { ...few, priorCondScale: 1.5, decoderCondScale: [1.5, 1.5], seed: 1 });
}

function vary(): Promise<unknown> {
  const image = makeImage(64, 64, 3, new Uint8Array(64 * 64 * 3).fill(90));
  return new ImageVariation(manager).run([image], { text: "x", steps: [1, 1], seed: 1 });
}

/** Tensors that no run of this model reads: the second U-Net is never guided, and CLIP's temperature is only for training. */
const UNREAD = /^unets\.1\.null_|^logit_scale$/;
/** Tables of which a run reads only a few rows. */
const TABLES = /^net\.to_time_embeds\.0\.weight$|^token_embedding\.weight$/;

/** Tensors of a component in which a NaN did not end the run. */
async function absorbed(component: Component, prefix: RegExp, run: () => Promise<unknown>): Promise<string[]> {
  const names = [...component.weights.source.tensors.keys()].filter((name) => prefix.test(name));
  const found: string[] = [];
  for (const [i, name] of names.entries()) {
    if (i % STRIDE !== 0 || UNREAD.test(name)) continue;
    const undo = changeTensor(component, name, TABLES.test(name) ? (values) => values.fill(NaN) : plantNaN);
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

it("an error names a noise schedule with NaN, and its file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dalle2-schedule-"));
  const path = await writeChangedShapes(folder, { decoder: { "noise_schedulers.1.alphas_cumprod_prev": plantNaN } });
  using damaged = await DalleModelManager.create(await ModelLoadConfig.fromJsonPath(path), { gpu: manager.gpu });
  const running = new BasicInference(damaged).run("a red circle", { priorSteps: 2, decoderSteps: [1, 1] });
  await expect(running).rejects.toThrow(NotFiniteError);
  await expect(running).rejects.toThrow(
    /^alphas_cumprod_prev of the noise schedule in .*decoder\.safetensors holds NaN/,
  );
  rmSync(folder, { recursive: true });
});

it("the error shows no escapes and no secrets in the name of the file", () => {
  const advice = "\u001b[31mmodel.safetensors hf_AbCdEfGhIjKl\u001b[0m is damaged.";
  const error = NotFiniteError.at({ component: "the prior", dtype: "f32", what: "an image embedding" }, advice);
  expect(error.message).not.toContain("\u001b");
  expect(error.message).not.toContain("AbCdEf");
  expect(error.message).toContain("model.safetensors");
});

it("the command ends with status 1, says what to do and writes no file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dalle2-not-finite-"));
  const name = "unets.1.to_time_hiddens.1.weight";
  const config = await writeChangedShapes(folder, { decoder: { [name]: plantNaN } });
  const out = join(folder, "out");
  const sampling = ["--steps", "1,2", "--prior-steps", "2", "--seed", "1", "--output-path", out];
  const { status, stdout, stderr } = dalle2([
    "dream",
    "--model-config",
    config,
    "--prompt",
    "a red circle",
    ...sampling,
  ]);
  expect(status).toBe(1);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^U-Net 2: values are not finite from step 1 of 2 on: .*decoder\.safetensors is damaged/m);
  expect(stderr).toContain(name);
  expect(readdirSync(out)).toEqual([]);
  rmSync(folder, { recursive: true });
});

describe("a weight with NaN ends every run with an error that names the model", () => {
  it("prior", async () => {
    expect(await absorbed(manager.models.prior!.components[0]!, /^net\./, generate)).toEqual([]);
  });
  it("first U-Net", async () => {
    expect(await absorbed(manager.models.decoder!.components[0]!, /^unets\.0\./, generate)).toEqual([]);
  });
  it("second U-Net", async () => {
    expect(await absorbed(manager.models.decoder!.components[1]!, /^unets\.1\./, generate)).toEqual([]);
  });
  it("CLIP's text encoder", async () => {
    let texts = 0;
    const run = () => generate(`a red circle ${texts++}`);
    expect(await absorbed(manager.models.clip!.components[0]!, /^(?!visual)/, run)).toEqual([]);
  });
  it("CLIP's image encoder", async () => {
    expect(await absorbed(manager.models.clip!.components[1]!, /^visual/, vary)).toEqual([]);
  });
});
