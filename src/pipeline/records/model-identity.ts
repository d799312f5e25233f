import { createSha256 } from "#platform";
import type { FileOptions, ModelLoadConfig } from "../load-config.js";
import type { ByteSource } from "../../platform/source.js";

/** Identity of a model file, without reading all of it. */
export interface ModelFile {
  /** Name of the file, without folders. */
  readonly name: string;
  /** Size of the file. */
  readonly bytes: number;
  /** SHA-256, in hexadecimal, of the size in decimal and 64 samples of 16 KiB, spread evenly over the file. */
  readonly fingerprint: string;
}

const SAMPLES = 64;
const SAMPLE_BYTES = 2 ** 14;

/** Identifies the model files of a load config, each once. A CLIP without a file is left out: its name identifies it. */
export async function identifyModels(config: ModelLoadConfig, options: FileOptions): Promise<ModelFile[]> {
  const models = config.files().filter(({ place }) => place.endsWith("load_model_from"));
  const distinct = new Map(models.map(({ file }) => [file.path, file]));
  const files: ModelFile[] = [];
  for (const location of distinct.values()) {
    // The models were just opened, so their servers need not be asked again.
    const source = await config.openFile(location, { ...options, checkUpdates: false });
    try {
      files.push({ name: fileName(source.name), bytes: source.size, fingerprint: await fingerprint(source) });
    } finally {
      await source.close();
    }
  }
  return files;
}

/** Returns the last part of a path or URL. */
function fileName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

async function fingerprint(source: ByteSource): Promise<string> {
  const hash = createSha256();
  hash.update(new TextEncoder().encode(String(source.size)));
  const length = Math.min(SAMPLE_BYTES, source.size);
  const positions = Array.from({ length: SAMPLES }, (_, i) => Math.floor(((source.size - length) * i) / (SAMPLES - 1)));
  // Samples of a small file have the same positions.
  for (const position of new Set(positions)) hash.update(await source.read(position, length));
  return hash.digest();
}
