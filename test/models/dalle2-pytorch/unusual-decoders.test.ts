import { takesText } from "../../../src/models/interfaces.js";
import { describe, expect, it } from "vitest";
import { ModelLoadConfig } from "../../../src/pipeline/load-config.js";
import { Generator } from "../../../src/diffusion/generator.js";
import { SamplingError } from "../../../src/diffusion/sampling-error.js";
import { makeImage } from "../../../src/image/image.js";
import { InferenceScript } from "../../../src/pipeline/inference-script.js";
import { planMemory } from "../../../src/pipeline/manager/memory-plan.js";
import { DalleModelManager } from "../../../src/pipeline/manager/model-manager.js";
import type { GeneratedImage } from "../../../src/pipeline/generated-image.js";
import type { SampleDecoderOptions } from "../../../src/pipeline/script-options.js";
import { Upscale } from "../../../src/pipeline/scripts/upscale.js";
import { Arena } from "../../../src/tensor/arena.js";
import { fixtureFolder } from "../../support/golden.js";
import { Random, sharedGpu } from "../../support/gpu.js";

/** Hands out what scripts keep to themselves. */
class Bare extends InferenceScript {
  async decode(options: SampleDecoderOptions): Promise<GeneratedImage[]> {
    return [...(await this.sampleDecoder(options)).values()].flat();
  }
}

function loadConfig(fixture: string, unetNumbers: readonly number[]): ModelLoadConfig {
  const local = (path: string) => ({ load_type: "local", path });
  const source = {
    unet_numbers: unetNumbers,
    load_model_from: local("model.safetensors"),
    load_config_from: local("config.json"),
  };
  return ModelLoadConfig.parse({ decoder: { unet_sources: [source] } }, `${fixtureFolder(fixture)}/models.json`);
}

async function managerOf(config: ModelLoadConfig, onWarning?: (message: string) => void): Promise<DalleModelManager> {
  return DalleModelManager.create(config, { gpu: await sharedGpu(), dtype: "f32", ...(onWarning && { onWarning }) });
}

describe("a decoder whose first U-Net was never trained", () => {
  const config = loadConfig("dialect-1.5.0-decoder-untrained-first", [1, 2]);
  const small = makeImage(10, 10, 3, new Uint8Array(300).fill(90));

  it("enlarges images, and cannot make them", async () => {
    using manager = await managerOf(config);
    const [image] = [...(await new Upscale(manager).run([small], { seed: 1 })).values()].flat();
    expect(image).toMatchObject({ width: 14, height: 14 });
    const decode = new Bare(manager).decode({ imageEmbed: [{ shape: [20], data: new Float32Array(20) }] });
    await expect(decode).rejects.toThrow(SamplingError);
    await expect(decode).rejects.toThrow("U-Net 1 was not trained: the checkpoint holds no weights of it.");
  });

  it("can be warmed up and counted", async () => {
    using manager = await managerOf(config);
    await manager.warmup();
    const { components } = await planMemory(config, { dtype: "f32", batchSize: 1 });
    expect(components.map(({ name, weightBytes }) => [name, weightBytes > 0])).toEqual([
      ["U-Net 1", false],
      ["U-Net 2", true],
    ]);
  });
});

describe("a decoder whose image tokens are as wide as image embeddings", () => {
  const config = loadConfig("dialect-0.21.2-odd-45-decoder", [1]);
  const random = new Random(4);
  const embeddings = [0, 1, 2].map(() => ({ shape: [5], data: random.normals(5, 0.4) }));

  it("draws each image of a batch as it would alone", async () => {
    using manager = await managerOf(config, () => undefined);
    const text = embeddings.map(() => ({ shape: [7, 10], data: random.normals(70) }));
    const textEncoding = takesText(manager.models.decoder!.model) ? text : undefined;
    const script = new Bare(manager);
    const together = await script.decode({ imageEmbed: embeddings, textEncoding, seeds: [5, 6, 7] });
    for (const [i, one] of embeddings.entries()) {
      const texts = textEncoding && [textEncoding[i]!];
      const [alone] = await script.decode({ imageEmbed: [one], textEncoding: texts, seeds: [5 + i] });
      expect([...together[i]!.data]).toEqual([...alone!.data]);
    }
  });

  it("takes the batches that the reference takes", async () => {
    using manager = await managerOf(config, () => undefined);
    const { decoder } = manager.models;
    const arena = new Arena(manager.gpu.stream());
    using imageEmbed = arena.from(
      embeddings.flatMap(({ data }) => [...data]),
      [3, 5],
      "f32",
    );
    using textEncodings = arena.from(new Float32Array(210), [3, 7, 10], "f32");
    const text = takesText(decoder!.model) ? { textEncodings } : {};
    const sampling = decoder!.model.sample(arena, { imageEmbed, ...text, noise: new Generator(1) });
    await expect(sampling).rejects.toThrow("takes a batch of 1 or 2, not 3");
  });
});
