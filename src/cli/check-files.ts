import type { FileLocation } from "../config/load-config-data.js";
import type { FileOptions, ModelLoadConfig, NamedFile } from "../pipeline/load-config.js";
import { sumsOfFile } from "../files/hash.js";
import { hubChecksumUrl } from "../files/hub.js";
import { readRecord } from "../files/kept-file.js";
import { isUrl } from "../files/open.js";
import { weightsOf } from "../models/diffusers/folder-files.js";
import { familyOf } from "../models/families.js";
import type { OpenedFolder } from "../models/opened.js";
import { componentsOfModels, openFolderEntry } from "../pipeline/manager/open-folder.js";
import { modelPlaces, type ModelPlace } from "../pipeline/manager/pipeline-folders.js";
import { FileError } from "../platform/errors.js";
import { publicUrl } from "../platform/secrets.js";

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
  const reading = { ...options, prefersF16: false };
  const [pipeline] = config.files();
  const places = await orProblem(pipeline, () => modelPlaces(config, reading));
  if ("problem" in places) return [places];
  const reports: FileReport[] = [];
  for (const named of places) {
    const report = await orProblem(named, async () => {
      const folder = await openFolderEntry(config, named.file, { ...reading, kinds: named.kinds });
      return folder ? checkFolder(folder, named, options) : [await examine(config, named, options)];
    });
    reports.push(...("problem" in report ? [report] : report));
  }
  return reports;
}

/** What `body` returns; a report of why the file cannot be opened if it rejects with `FileError`. */
async function orProblem<T>(named: NamedFile | undefined, body: () => Promise<T>): Promise<T | FileReport> {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof FileError) || !named) throw error;
    return { ...startOf(named), path: null, bytes: null, sha256: null, problem: error.message };
  }
}

function startOf({ place, file }: NamedFile): Pick<FileReport, "place" | "location" | "checksumFile"> {
  return { place, location: publicUrl(file.path), checksumFile: checksumFile(file) };
}

/** Finds or downloads the files of tensors in a folder that models read. */
async function checkFolder(
  folder: OpenedFolder,
  { place, kinds }: ModelPlace,
  options: FileOptions,
): Promise<FileReport[]> {
  const reports: FileReport[] = [];
  try {
    // Rejects a folder that no family reads.
    familyOf(folder);
    for (const component of componentsOfModels(folder, { kinds })) {
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

async function examine(config: ModelLoadConfig, named: NamedFile, options: FileOptions): Promise<FileReport> {
  const { file } = named;
  const start = startOf(named);
  const source = await config.openFile(file, options);
  const { name, size: bytes } = source;
  await source.close();
  if (isUrl(name)) return { ...start, path: null, bytes, sha256: null, problem: null };
  // A download was hashed when it was verified; a local file was not.
  const sha256 =
    file.load_type === "url" ? (await readRecord(name))?.sha256 : (await sumsOfFile(name, options.signal))?.sha256;
  return { ...start, path: name, bytes, sha256: sha256 ?? null, problem: null };
}
