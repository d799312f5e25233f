/**
 * karlo-v1-alpha in its full size, with the components for image variations: the tensors of test/fixtures/headers/karlo.json, which
 * diffusers 0.37.1 makes from the published configs. Without values the files take no space on the disk.
 */
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { readJson, writeJson, writeTensors, type FullComponent, type Listed, type Writing } from "./full-size.js";
import { fixtureFolder } from "./golden.js";

interface Tree {
  readonly [key: string]: Tree | readonly number[];
}
const tree: z.ZodMiniType<Tree> = z.lazy(() => z.record(z.string(), z.union([z.array(z.int()), tree])));
const reference = z.record(z.string(), z.object({ config: z.record(z.string(), z.unknown()), tensors: tree }));

/** The components of karlo-v1-alpha. The two super-resolution U-Nets have the same tensors. */
export function fullSizeKarlo(): ReadonlyMap<string, FullComponent> {
  const path = join(fixtureFolder("headers"), "karlo.json");
  const listed = reference.parse(JSON.parse(readFileSync(path, "utf8")));
  const components = new Map(
    Object.entries(listed).map(([name, { config, tensors }]) => [name, { config, tensors: flatten(tensors, "") }]),
  );
  const first = components.get("super_res_first")!;
  return components.set("super_res_last", { ...first, config: { ...first.config, sample_size: null } });
}

function flatten(node: Tree, prefix: string): Listed[] {
  return Object.entries(node).flatMap(([key, value]): Listed[] =>
    isShape(value) ? [{ name: prefix + key, shape: value }] : flatten(value, `${prefix}${key}.`),
  );
}

function isShape(value: Tree | readonly number[]): value is readonly number[] {
  return Array.isArray(value);
}

const CLIP = ["text_encoder", "image_encoder"];
/** The fixtures whose small files are copied: configs of schedulers and of the feature extractor, and the tokenizer. */
const TEXT_TO_IMAGE = join(fixtureFolder("karlo-text-to-image"), "model");
const VARIATION = join(fixtureFolder("karlo-image-variation"), "model");

/** Writes the folder. In f32 it seems to have 15 GB. */
export function writeFullSizeKarlo(folder: string, writing: Writing): void {
  const index = {
    ...readJson(join(VARIATION, "model_index.json")),
    ...readJson(join(TEXT_TO_IMAGE, "model_index.json")),
  };
  writeJson(join(folder, "model_index.json"), index);
  for (const part of ["tokenizer", "prior_scheduler", "decoder_scheduler", "super_res_scheduler"])
    cpSync(join(TEXT_TO_IMAGE, part), join(folder, part), { recursive: true });
  const extractor = readJson(join(VARIATION, "feature_extractor", "preprocessor_config.json"));
  const sides = { size: { shortest_edge: 224 }, crop_size: { height: 224, width: 224 } };
  writeJson(join(folder, "feature_extractor", "preprocessor_config.json"), { ...extractor, ...sides });
  for (const [name, { config, tensors }] of fullSizeKarlo()) {
    const small = name === "image_encoder" ? VARIATION : TEXT_TO_IMAGE;
    writeJson(join(folder, name, "config.json"), { ...readJson(join(small, name, "config.json")), ...config });
    const file = CLIP.includes(name) ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
    writeTensors(join(folder, name, file), tensors, writing);
  }
}
