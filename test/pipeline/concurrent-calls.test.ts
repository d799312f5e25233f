import { afterAll, beforeAll, expect, it } from "vitest";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { SamplingError } from "../../src/diffusion/sampling-error.js";
import type { Embedding } from "../../src/pipeline/embedding.js";
import { InferenceScript } from "../../src/pipeline/inference-script.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import type { SampleDecoderOptions } from "../../src/pipeline/script-options.js";
import { fixtureFolder } from "../support/golden.js";
import { Random, sharedGpu } from "../support/gpu.js";

let manager: DalleModelManager;

beforeAll(async () => {
  const config = await ModelLoadConfig.fromJsonPath(`${fixtureFolder("pipeline")}/load_config.json`);
  manager = await DalleModelManager.create(config, {
    gpu: await sharedGpu(),
    dtype: "f32",
    onWarning: () => undefined,
  });
});

afterAll(() => {
  manager.dispose();
});

/** Decodes one embedding. */
class Decoding extends InferenceScript {
  async generate(seed: number, options: SampleDecoderOptions = {}): Promise<Uint8Array> {
    const dim = this.manager.models.decoder!.model.stages[0]!.info.imageEmbedDim!;
    const embedding: Embedding = { shape: [dim], data: new Random(seed).normals(dim, 0.2) };
    const call = { imageEmbed: [embedding], text: [`image ${seed}`], steps: 3, condScale: 2, seed, ...options };
    return Uint8Array.from((await this.sampleDecoder(call)).get(0)![0]!.data);
  }
}

it("parallel decoder calls give the same as alone, while one is aborted and one fails", async () => {
  const script = new Decoding(manager);
  const seeds = [1, 2, 3, 4, 5, 6];
  const alone: Uint8Array[] = [];
  for (const seed of seeds) alone.push(await script.generate(seed));
  const { live } = manager.gpu.memory();

  const abort = new AbortController();
  let steps = 0;
  const aborted = script.generate(7, {
    signal: abort.signal,
    onProgress: () => {
      if (++steps === 2) abort.abort(new Error("enough"));
    },
  });
  // An embedding of another size than the U-Net takes.
  const failing = script.generate(8, { imageEmbed: [{ shape: [5], data: new Float32Array(5) }] });
  const results = await Promise.allSettled([aborted, failing, ...seeds.map((seed) => script.generate(seed))]);
  expect(results[0]).toMatchObject({ status: "rejected", reason: { message: "enough" } });
  expect(results[1].status).toBe("rejected");
  expect((results[1] as PromiseRejectedResult).reason).not.toBeInstanceOf(SamplingError);
  expect(results.slice(2)).toEqual(alone.map((value) => ({ status: "fulfilled", value })));
  expect(manager.gpu.memory().live).toBe(live);
});
