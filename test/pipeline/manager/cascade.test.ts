import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ConfigError } from "../../../src/config/config-error.js";
import { ModelLoadConfig } from "../../../src/pipeline/load-config.js";
import { openSource } from "../../../src/files/open.js";
import { DalleModelManager } from "../../../src/pipeline/manager/model-manager.js";
import { openCheckpoint } from "../../../src/models/open-checkpoint.js";
import { fixtureFolder } from "../../support/golden.js";
import { sharedGpu } from "../../support/gpu.js";
import { rewriteCheckpoint } from "../../support/rewrite.js";

it("rejects U-Nets that were trained for other sizes, with an error that names both sources", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cascade-"));
  const original = join(fixtureFolder("pipeline"), "decoder.safetensors");
  const checkpoint = await openCheckpoint(await openSource(original));
  const { decoder } = checkpoint.config as { decoder: object };
  await checkpoint.close();
  // The same U-Nets, with other sizes in their config.
  const copy = join(folder, "upsampler.safetensors");
  await rewriteCheckpoint(original, copy, { config: null });
  await writeFile(join(folder, "train.json"), JSON.stringify({ decoder: { ...decoder, image_sizes: [8, 32] } }));

  const local = (path: string) => ({ load_type: "local", path });
  const sources = [
    { unet_numbers: [2], load_model_from: local("upsampler.safetensors"), load_config_from: local("train.json") },
    { unet_numbers: [1], load_model_from: local(original) },
  ];
  const config = ModelLoadConfig.parse({ decoder: { unet_sources: sources } }, join(folder, "models.json"));
  const loading = DalleModelManager.create(config, { gpu: await sharedGpu() });
  await expect(loading).rejects.toThrow(ConfigError);
  await expect(loading).rejects.toThrow(
    `U-Net 2 (decoder.unet_sources[0], ${copy}) was trained to enlarge images of 8 pixels, but U-Net 1 (decoder.unet_sources[1], ${original}) generates images of 16`,
  );
  await rm(folder, { recursive: true });
});
