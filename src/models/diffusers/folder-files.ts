// Which files of a model folder belong to a component: the weights that are read, and the small files.
import { isRecord } from "../../platform/objects.js";
import type { OpenedFolder } from "../opened.js";
import { componentBytes } from "./component-files.js";
import { findWeights, type WeightsBase } from "./component-weights.js";
import { componentsOf } from "./components.js";
import { parseJson } from "../../config/read-json.js";

/** Files of components other than weights: of models, of schedulers, of tokenizers and of feature extractors. */
const SMALL_FILES = [
  "config.json",
  "scheduler_config.json",
  "preprocessor_config.json",
  "vocab.json",
  "merges.txt",
  "special_tokens_map.json",
  "tokenizer_config.json",
  "added_tokens.json",
  "tokenizer.json",
];

/** Classes without weights. */
const WITHOUT_WEIGHTS = /(?:Scheduler|Tokenizer(?:Fast)?|ImageProcessor(?:Fast)?|FeatureExtractor)$/;

/** The weights of a component. Paths are relative to the folder. */
export interface FoundWeights {
  readonly base: WeightsBase;
  /** The file, or the index of shards. */
  readonly path: string;
  /** The files of tensors: the file, or the shards. */
  readonly files: readonly string[];
}

/** The weights of a component that are read; undefined if it has none. Reads the index of shards. */
export async function weightsOf(folder: OpenedFolder, component: string): Promise<FoundWeights | undefined> {
  const { library, name } = componentsOf(folder).get(component) ?? { library: "", name: "" };
  if (WITHOUT_WEIGHTS.test(name)) return undefined;
  const own: readonly WeightsBase[] = ["diffusion_pytorch_model", "model"];
  for (const base of library === "transformers" ? own.toReversed() : own) {
    const path = await findWeights(folder, component, base);
    if (path !== undefined) return { base, path, files: await partsOf(folder, component, path) };
  }
  return undefined;
}

async function partsOf(folder: OpenedFolder, component: string, path: string): Promise<readonly string[]> {
  if (!path.endsWith(".json")) return [path];
  const { bytes, name } = await componentBytes(folder, component, path.slice(component.length + 1));
  const index = parseJson(bytes, name);
  const map = isRecord(index) && isRecord(index.weight_map) ? index.weight_map : {};
  const shards = new Set(Object.values(map).filter((shard) => typeof shard === "string"));
  return [...shards].sort().map((shard) => `${component}/${shard}`);
}

/** The small files of a component that the folder has. */
export async function smallFilesOf(folder: OpenedFolder, component: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const file of SMALL_FILES) {
    const path = `${component}/${file}`;
    if (await folder.has(path)) found.push(path);
  }
  return found;
}

/** Whether a folder has all files of these components, as an interrupted download has not. */
export async function hasAll(folder: OpenedFolder, components: readonly string[]): Promise<boolean> {
  for (const component of components) {
    const weights = await weightsOf(folder, component);
    const files = weights?.files ?? (await smallFilesOf(folder, component));
    if (files.length === 0) return false;
    for (const file of files) if (!(await folder.has(file))) return false;
  }
  return true;
}
