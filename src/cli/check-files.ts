import type { FileLocation } from "../config/load-config-data.js";
import type { FileOptions, ModelLoadConfig } from "../pipeline/load-config.js";
import { sha256OfFile } from "../files/hash.js";
import { hubChecksumUrl } from "../files/hub.js";
import { readRecord } from "../files/kept-file.js";
import { isUrl } from "../files/open.js";
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
  const reports: FileReport[] = [];
  for (const { place, file } of config.files()) {
    const location = publicUrl(file.path);
    const start = { place, location, checksumFile: checksumFile(file) };
    try {
      reports.push({ ...start, ...(await examine(config, file, options)), problem: null });
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      reports.push({ ...start, path: null, bytes: null, sha256: null, problem: error.message });
    }
  }
  return reports;
}

function checksumFile({ load_type, path, checksum_file_path: given }: FileLocation): string | null {
  const url = load_type === "local" ? undefined : (given ?? hubChecksumUrl(path));
  return url === undefined ? null : publicUrl(url);
}

async function examine(config: ModelLoadConfig, file: FileLocation, options: FileOptions) {
  const source = await config.openFile(file, options);
  const { name, size: bytes } = source;
  await source.close();
  if (isUrl(name)) return { path: null, bytes, sha256: null };
  // A download was hashed when it was verified; a local file was not.
  const sha256 = file.load_type === "url" ? (await readRecord(name))?.sha256 : await sha256OfFile(name, options.signal);
  return { path: name, bytes, sha256: sha256 ?? null };
}
