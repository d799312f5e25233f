import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { fixtureFolder } from "./golden.js";

/** The model folder of a fixture of Karlo. */
export function karloFolder(fixture: string): string {
  return join(fixtureFolder(fixture), "model");
}

/** A load config with a model folder. */
export function folderConfig(path: string): ModelLoadConfig {
  return ModelLoadConfig.parse({ pipeline: { load_type: "local", path } }, join(path, "config.json"));
}

/** Writes a folder with all of Karlo's components: those of the image variation, and a prior. The caller removes it. */
export async function writeWholeKarlo(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "karlo-"));
  await cp(karloFolder("karlo-image-variation"), folder, { recursive: true });
  await cp(join(karloFolder("karlo-prior-net"), "prior"), join(folder, "prior"), { recursive: true });
  const scheduler = join(karloFolder("karlo-prior-sample"), "prior_scheduler");
  await cp(scheduler, join(folder, "prior_scheduler"), { recursive: true });
  const name = join(folder, "model_index.json");
  const index = JSON.parse(await readFile(name, "utf8")) as Record<string, unknown>;
  const prior = { prior: ["diffusers", "PriorTransformer"], prior_scheduler: ["diffusers", "UnCLIPScheduler"] };
  await writeFile(name, JSON.stringify({ ...index, _class_name: "UnCLIPPipeline", ...prior }));
  return folder;
}
