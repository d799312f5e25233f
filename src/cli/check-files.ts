import type { FileLocation } from "../config/load-config-data.js";
import type { FileOptions, ModelLoadConfig } from "../pipeline/load-config.js";
import { sumsOfFile } from "../files/hash.js";
import { hubChecksumUrl } from "../files/hub.js";
import { readRecord } from "../files/kept-file.js";
import { isUrl } from "../files/open.js";
import { weightsOf } from "../models/diffusers/folder-files.js";
import { familyOf } from "../models/families.js";
import type { OpenedFolder } from "../models/opened.js";
import { componentsOfModels, openFolderEntry } from "../pipeline/manager/open-folder.js";
import { FileError } from "../platform/errors.js";
import { publicUrl } from "../platform/secrets.js";
import type { ModelKind } from "../weights/tree/model-names.js";

/** What `dalle2 test` reports about a file of a load config. */
export interface FileReport {
  /** Its path in the config: `prior.load_model_from`. */
  readonly place: string;
  /** Path or URL as given in the config, without secrets. */
  readonly location: string;
  /** URL of its published checksum; null if there is none. */
  readonly checksumFile: string | null;
  /** Where it is on this machine; null if it could not be opened, or is read from its server in pieces. */
  readonly path: string | null;
  readonly bytes: number | null;
  readonly sha256: string | null;
  /** Why it cannot be opened; null if it can. */
  readonly problem: string | null;
}

/** Finds or downloads every file of a load config. A file that cannot be opened is reported; the others are still checked. */
export async function checkFiles(config: ModelLoadConfig, options: FileOptions): Promise<FileReport[]> {
  const reports: FileReport[] = [];
  for (const { place, file } of config.files()) {
    const location = publicUrl(file.path);
    const start = { place, location, checksumFile: checksumFile(file) };
    try {
      const folder = await openFolderEntry(config, file, { ...options, prefersF16: false, kinds: kindsAt(place) });
      if (folder) reports.push(...(await checkFolder(folder, place, options)));
      else reports.push({ ...start, ...(await examine(config, file, options)), problem: null });
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      reports.push({ ...start, path: null, bytes: null, sha256: null, problem: error.message });
    }
  }
  return reports;
}

/** The model that is loaded from the file or folder at a place in a load config; undefined for all. */
function kindsAt(place: string): readonly ModelKind[] | undefined {
  const kind = (["prior", "decoder", "clip"] as const).find((one) => place.startsWith(one));
  return kind && [kind];
}

/** Finds or downloads the files of tensors in a folder that models read. */
async function checkFolder(folder: OpenedFolder, place: string, options: FileOptions): Promise<FileReport[]> {
  const reports: FileReport[] = [];
  try {
    // Rejects a folder that no family reads.
    familyOf(folder);
    for (const component of componentsOfModels(folder, { kinds: kindsAt(place) })) {
      for (const path of (await weightsOf(folder, component))?.files ?? []) {
        const start = { place, location: `${folder.name}/${path}`, checksumFile: null };
        const source = await folder.open(path);
        const { name, size: bytes } = source;
        await source.close();
        const sha256 = isUrl(name) ? null : await sha256At(name, options);
        reports.push({ ...start, path: isUrl(name) ? null : name, bytes, sha256, problem: null });
      }
    }
    return reports;
  } finally {
    await folder.close();
  }
}

/** The SHA-256 of a file. That of a download was found when it was verified. */
async function sha256At(path: string, { signal }: FileOptions): Promise<string | null> {
  return (await readRecord(path))?.sha256 ?? (await sumsOfFile(path, signal))?.sha256 ?? null;
}

function checksumFile({ load_type, path, checksum_file_path: given }: FileLocation): string | null {
  const url = load_type === "local" || !isUrl(path) ? undefined : (given ?? hubChecksumUrl(path));
  return url === undefined ? null : publicUrl(url);
}

async function examine(config: ModelLoadConfig, file: FileLocation, options: FileOptions) {
  const source = await config.openFile(file, options);
  const { name, size: bytes } = source;
  await source.close();
  if (isUrl(name)) return { path: null, bytes, sha256: null };
  // A download was hashed when it was verified; a local file was not.
  const sha256 =
    file.load_type === "url" ? (await readRecord(name))?.sha256 : (await sumsOfFile(name, options.signal))?.sha256;
  return { path: name, bytes, sha256: sha256 ?? null };
}
