import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toFloat32 } from "../../src/weights/dtypes.js";
import type { Change } from "./planting.js";
import { rewriteCheckpoint } from "./rewrite.js";

type File = "prior" | "decoder" | "clip";

interface ShapesConfig {
  readonly decoder: { readonly unet_sources: readonly { readonly load_model_from: { path: string } }[] };
  readonly prior: { readonly load_model_from: { path: string } };
  readonly clip: { readonly load_model_from: { path: string } };
}

/** Writes the Shapes model with changed tensors, and a load config for it. Returns the path of the load config. */
export async function writeChangedShapes(
  folder: string,
  changes: Readonly<Partial<Record<File, Readonly<Record<string, Change>>>>>,
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const paths: Record<File, string> = { prior: "", decoder: "", clip: "" };
  for (const file of Object.keys(paths) as File[]) {
    const original = join(process.cwd(), `configs/shapes/${file}.safetensors`);
    const changed = changes[file];
    paths[file] = changed ? join(folder, `${file}.safetensors`) : original;
    if (!changed) continue;
    const missing = new Set(Object.keys(changed));
    await rewriteCheckpoint(original, paths[file], {
      tensor: (tensor) => {
        const change = changed[tensor.name];
        if (!change) return tensor;
        missing.delete(tensor.name);
        const [bytes] = tensor.chunks() as [Uint8Array];
        const values = toFloat32(tensor.dtype, bytes);
        change(values);
        return { ...tensor, dtype: "F32", chunks: () => [new Uint8Array(values.buffer)] };
      },
    });
    if (missing.size > 0) throw new Error(`${original} has no ${[...missing].join(", ")}.`);
  }
  const config = JSON.parse(readFileSync("configs/shapes.json", "utf8")) as ShapesConfig & { $schema?: string };
  delete config.$schema;
  config.prior.load_model_from.path = paths.prior;
  config.clip.load_model_from.path = paths.clip;
  for (const source of config.decoder.unet_sources) source.load_model_from.path = paths.decoder;
  const path = join(folder, "load_config.json");
  writeFileSync(path, JSON.stringify(config));
  return path;
}
