import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixtureFolder } from "./golden.js";

/** The components of a prior's folder. */
export const PRIOR_COMPONENTS = ["prior", "scheduler", "text_encoder", "tokenizer", "image_encoder", "image_processor"];

/** Writes a folder as diffusers saves a pipeline of prior and decoder, here with the components of the prior. The caller removes it. */
export async function writeCombinedPrior(fixture = "kandinsky-prior"): Promise<string> {
  const model = join(fixtureFolder(fixture), "model");
  const folder = await mkdtemp(join(tmpdir(), "kandinsky-"));
  for (const component of PRIOR_COMPONENTS) {
    await cp(join(model, component), join(folder, `prior_${component}`), { recursive: true });
  }
  const index = JSON.parse(await readFile(join(model, "model_index.json"), "utf8")) as Record<string, unknown>;
  const components = Object.fromEntries(PRIOR_COMPONENTS.map((component) => [`prior_${component}`, index[component]]));
  const combined = { _class_name: "KandinskyV22CombinedPipeline", _diffusers_version: "0.37.1", ...components };
  await writeFile(join(folder, "model_index.json"), JSON.stringify(combined));
  return folder;
}

/** A load config with the decoder of a fixture, and the prior of another. */
export function kandinskyConfig(decoder: string): Record<string, unknown> {
  const from = (folder: string) => ({ load_type: "local", path: folder });
  const prior = { load_model_from: from(join(fixtureFolder("kandinsky-text-to-image"), "prior")) };
  const load_model_from = from(join(fixtureFolder(decoder), "model"));
  return { clip: prior, prior, decoder: { unet_sources: [{ unet_numbers: [1], load_model_from }] } };
}
