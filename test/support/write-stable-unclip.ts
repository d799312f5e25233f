/** Writes the folder of Stable unCLIP in full size. Files without values take no space on the disk. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { readJson, writeJson, writeTensors, type Writing } from "./full-size.js";
import { fullSizeStableUnclip } from "./full-size-stable-unclip.js";
import { fixtureFolder } from "./golden.js";

/** The folder whose small files are copied: configs of schedulers and of the feature extractor, the tokenizer, and the index. */
const SMALL = join(fixtureFolder("stable-unclip-image-variation"), "model");

const ENCODERS = ["text_encoder", "image_encoder"];

/** Writes the folder of the pipeline from images to images. It has 3.9 GB, or seems to. */
export function writeFullSizeStableUnclip(folder: string, writing: Writing = {}): void {
  for (const part of ["tokenizer", "scheduler", "image_noising_scheduler", "model_index.json"])
    cpSync(join(SMALL, part), join(folder, part), { recursive: true });
  const extractor = readJson(join(SMALL, "feature_extractor", "preprocessor_config.json"));
  const sides = { size: { shortest_edge: 224 }, crop_size: { height: 224, width: 224 } };
  writeJson(join(folder, "feature_extractor", "preprocessor_config.json"), { ...extractor, ...sides });
  const reference = fullSizeStableUnclip();
  const dim = Number(reference.image_encoder.config.projection_dim);
  const statistics = ["mean", "std"].map((name) => ({ name, shape: [1, dim] }));
  const normalizer = { config: { embedding_dim: dim }, tensors: statistics };
  for (const [name, { config, tensors }] of Object.entries({ ...reference, image_normalizer: normalizer })) {
    const base = ENCODERS.includes(name) ? "model" : "diffusion_pytorch_model";
    writeTensors(join(folder, name, `${base}.safetensors`), tensors, writing);
    writeJson(join(folder, name, "config.json"), { ...readJson(join(SMALL, name, "config.json")), ...config });
  }
}
