import type { FileLocation } from "../config/load-config-data.js";
import type { FileOptions, ModelLoadConfig } from "../pipeline/load-config.js";
import { sha256OfFile } from "../files/hash.js";
import { hubChecksumUrl } from "../files/hub.js";
import { readRecord } from "../files/kept-file.js";
import { isUrl } from "../files/open.js";
import { FileError } from "../platform/errors.js";
import { publicUrl } from "../platform/secrets.js";

/** What `dalle2 test` says of a file that a load config names. */
export interface FileReport {
  /** Its path in the config: `prior.load_model_from`. */
  readonly place: string;
  /** Path or URL, as the config says it, without the secrets in it. */
  readonly location: string;
  /** URL of the checksum that it is verified by; null where none is published. */
  readonly checksumFile: string | null;
  /** Where it is on this machine; null where it could not be opened, or is read from its server piece by piece. */
  readonly path: string | null;
  readonly bytes: number | null;
  readonly sha256: string | null;
  /** Why it cannot be opened. */
  readonly problem: string | null;
}

/** Finds or downloads every file that a load config names. What cannot be opened is reported, and the others are tried. */
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
  // A download was hashed when it was verified; what is on this machine was not.
  const sha256 = file.load_type === "url" ? (await readRecord(name))?.sha256 : await sha256OfFile(name, options.signal);
  return { path: name, bytes, sha256: sha256 ?? null };
}
