import { createSha256 } from "#platform";
import { downloadName } from "../../config/file-location.js";
import type { FileLocation } from "../../config/load-config-data.js";
import { weightsOf } from "../../models/diffusers/folder-files.js";
import type { OpenedFolder } from "../../models/opened.js";
import type { FileOptions, ModelLoadConfig } from "../load-config.js";
import { componentsOfModels, openFolderEntry, type FolderEntryOptions } from "../manager/open-folder.js";
import { modelPlaces, type ModelPlace } from "../manager/pipeline-folders.js";
import type { ByteSource } from "../../platform/source.js";

/** Identity of a model file, without reading all of it. */
export interface ModelFile {
  /** Name of the file, without folders; in a folder of models, its path there. */
  readonly name: string;
  /** Size of the file. */
  readonly bytes: number;
  /** SHA-256, in hexadecimal, of the size in decimal and 64 samples of 16 KiB, spread evenly over the file. */
  readonly fingerprint: string;
}

const SAMPLES = 64;
const SAMPLE_BYTES = 2 ** 14;

/** How to read the files: as they were read for the models. */
export type IdentityOptions = FileOptions & Pick<FolderEntryOptions, "prefersF16">;

/** Identifies the model files of a load config, each once. A CLIP without a file is left out: its name identifies it. */
export async function identifyModels(config: ModelLoadConfig, options: IdentityOptions): Promise<ModelFile[]> {
  // The models were just opened, so their servers need not be asked again.
  const asked = { ...options, checkUpdates: false };
  // What is not kept would be downloaded as a whole again, for a few samples.
  const reading = options.keepDownloads === false ? { ...asked, remote: "ranges" as const } : asked;
  const files: ModelFile[] = [];
  for (const { file: location, kinds } of await weightPlaces(config, reading)) {
    const folder = await openFolderEntry(config, location, { ...reading, kinds });
    if (folder) {
      files.push(...(await identifyFolder(folder, { kinds })));
      continue;
    }
    const source = await config.openFile(location, reading);
    try {
      files.push(await identify(nameOf(location), source));
    } finally {
      await source.close();
    }
  }
  return files;
}

/** The files and folders of weights, each once, with all models that are loaded from it. */
async function weightPlaces(config: ModelLoadConfig, options: IdentityOptions): Promise<readonly ModelPlace[]> {
  const found = new Map<string, ModelPlace>();
  for (const place of await modelPlaces(config, options)) {
    if (!place.kinds) continue;
    const { path } = place.file;
    found.set(path, { ...place, kinds: [...(found.get(path)?.kinds ?? []), ...place.kinds] });
  }
  return [...found.values()];
}

/** The weights in a folder that its models read, by their paths in it. */
async function identifyFolder(folder: OpenedFolder, { kinds }: Pick<ModelPlace, "kinds">): Promise<ModelFile[]> {
  const files: ModelFile[] = [];
  try {
    for (const component of componentsOfModels(folder, { kinds })) {
      for (const path of (await weightsOf(folder, component))?.files ?? []) {
        files.push(await identify(path, await folder.open(path)));
      }
    }
    return files;
  } finally {
    await folder.close();
  }
}

async function identify(name: string, source: ByteSource): Promise<ModelFile> {
  return { name, bytes: source.size, fingerprint: await fingerprint(source) };
}

/** Returns the name of a file as the load config has it: downloads are kept under another one. */
function nameOf(location: FileLocation): string {
  if (location.load_type !== "local") return downloadName(location);
  const { path } = location;
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
