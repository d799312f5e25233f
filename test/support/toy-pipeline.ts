import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { safetensorsFile, type StoredTensors } from "./safetensors-file.js";
import { f32, torchZip } from "./torch-file.js";
import { TOY_PIPELINE_INDEX } from "./toy-family.js";

/** Width of the embeddings. */
const DIM = 12;
const row = (value: number) => ({ shape: [1, DIM], values: new Array<number>(DIM).fill(value) });
const gain = (values: readonly number[]) => ({ shape: [1, 3], values });

/** The weights by component. */
export const TOY_WEIGHTS: Readonly<Record<string, StoredTensors>> = {
  prior: { gain: row(0.5) },
  decoder: { "bright.gain": gain([1, 1, 1]), "last.gain": gain([0.9, 0.6, 0.3]) },
  text_encoder: { direction: row(1.2) },
};
/** The red, green and blue of the image for a text of ten letters. */
export const TEN_LETTERS = [0.9, 0.6, 0.3].map((last) => (0.5 * (1.2 * 0.5) + 0.5) * last);

const JSON_FILES: Readonly<Record<string, unknown>> = {
  "model_index.json": TOY_PIPELINE_INDEX,
  "text_encoder/config.json": { dim: DIM },
  "prior/config.json": {},
  "decoder/config.json": {},
  "scheduler/scheduler_config.json": { steps: 3 },
  "tokenizer/vocab.json": {},
  "tokenizer/merges.txt": "#version",
  "safety_checker/config.json": {},
};

/** How the weights of a folder are stored. */
export type ToyStorage = "safetensors" | "bin" | "fp16" | "shards";

/** The files of a folder with a whole toy, by path. `bin` beside `safetensors`, and a safety checker, are never read. */
export async function toyPipeline(storage: ToyStorage = "safetensors"): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const [path, value] of Object.entries(JSON_FILES)) files.set(path, Buffer.from(JSON.stringify(value)));
  for (const [component, tensors] of Object.entries(TOY_WEIGHTS)) {
    const isText = component === "text_encoder";
    const base = isText ? "model" : "diffusion_pytorch_model";
    const bin = `${component}/${isText ? "pytorch_model" : base}.bin`;
    const whole = await safetensorsFile(tensors);
    if (storage === "bin") files.set(bin, torchOf(tensors));
    if (storage === "fp16") files.set(`${component}/${base}.fp16.safetensors`, whole);
    if (storage === "safetensors") {
      files.set(`${component}/${base}.safetensors`, whole);
      files.set(bin, Buffer.from("never read"));
    }
    if (storage !== "shards") continue;
    const names = Object.keys(tensors);
    const shards = names.map((name, i) => [name, `${base}-0000${i + 1}-of-0000${names.length}.safetensors`] as const);
    for (const [name, shard] of shards) {
      files.set(`${component}/${shard}`, await safetensorsFile({ [name]: tensors[name]! }));
    }
    const index = JSON.stringify({ metadata: {}, weight_map: Object.fromEntries(shards) });
    files.set(`${component}/${base}.safetensors.index.json`, Buffer.from(index));
  }
  files.set("safety_checker/model.safetensors", Buffer.from("never read"));
  return files;
}

function torchOf(tensors: StoredTensors): Uint8Array {
  return torchZip(
    Object.fromEntries(Object.entries(tensors).map(([name, { shape, values }]) => [name, f32(shape, values)])),
  );
}

/** Writes files into a folder. */
export async function writeFiles(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const [path, content] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}
