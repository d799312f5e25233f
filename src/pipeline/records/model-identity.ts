import { createSha256 } from "#platform";
import type { FileOptions, ModelLoadConfig } from "../load-config.js";
import type { ByteSource } from "../../platform/source.js";

/** What tells a model file from others without reading all of it. */
export interface ModelFile {
  /** The file's name, without folders. */
  readonly name: string;
  /** Its size. */
  readonly bytes: number;
  /** SHA-256, in hex, of the size in decimal and of 64 samples of 16 KiB, spread evenly from the first byte to the last. */
  readonly fingerprint: string;
}

const SAMPLES = 64;
const SAMPLE_BYTES = 2 ** 14;

/** The model files that a load config names, each once. A CLIP that goes by its name alone has none: it is always the same. */
export async function identifyModels(config: ModelLoadConfig, options: FileOptions): Promise<ModelFile[]> {
  const models = config.files().filter(({ place }) => place.endsWith("load_model_from"));
  const distinct = new Map(models.map(({ file }) => [file.path, file]));
  const files: ModelFile[] = [];
  for (const location of distinct.values()) {
    // The models have just been opened: to ask their servers again would be in vain.
    const source = await config.openFile(location, { ...options, checkUpdates: false });
    try {
      files.push({ name: fileName(source.name), bytes: source.size, fingerprint: await fingerprint(source) });
    } finally {
      await source.close();
    }
  }
  return files;
}

/** The last part of a path or URL. */
function fileName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

async function fingerprint(source: ByteSource): Promise<string> {
  const hash = createSha256();
  hash.update(new TextEncoder().encode(String(source.size)));
  const length = Math.min(SAMPLE_BYTES, source.size);
  const positions = Array.from({ length: SAMPLES }, (_, i) => Math.floor(((source.size - length) * i) / (SAMPLES - 1)));
  // Samples of a small file lie on each other.
  for (const position of new Set(positions)) hash.update(await source.read(position, length));
  return hash.digest();
}
