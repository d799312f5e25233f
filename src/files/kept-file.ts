import { join, listFiles, moveFile, readText, removeFile, statFile, writeFileAtomic } from "#platform";
import { z } from "zod";
import { FileError } from "../platform/errors.js";
import { parseJson } from "../platform/json.js";
import { MAX_BYTES } from "../platform/limits.js";
import type { FileStat } from "../platform/platform.js";
import { publicUrl } from "../platform/secrets.js";
import { parseChecksum } from "./checksum.js";
import { sha256OfFile, shortHash, whereThere } from "./hash.js";

/** What else is in the folder of a kept file `model.pth`: `model.pth.checksum` and so on. */
export const SUFFIXES = { checksum: ".checksum", record: ".record.json", part: ".part", origin: ".part.json" } as const;

/** Where a content came from, and what the server called this version of it. */
const origin = z.object({
  /** The URL without the secrets in it. */
  url: z.string().optional(),
  /** A hash of the whole URL, by which it is recognised. Records of earlier versions have none. */
  address: z.string().optional(),
  version: z.string().optional(),
  size: z.number().optional(),
});
export type Origin = z.output<typeof origin>;

/** What a record says of the URL that a content came from. */
export function originAt(url: string): Pick<Origin, "url" | "address"> {
  return { url: publicUrl(url), address: shortHash(url) };
}

/** Whether a record says that the content came from another URL. */
export function isFromElsewhere(record: Origin, url: string): boolean {
  if (record.address !== undefined) return record.address !== shortHash(url);
  return record.url !== undefined && record.url !== url;
}

const fileRecord = origin.extend({
  size: z.number(),
  /** When the file was last changed, as its file system says. */
  modified: z.number(),
  sha256: z.string(),
  /** Names the part that becomes the file. */
  part: z.string().optional(),
});

/** Says of a file of this size that was last changed at this time that its bytes were verified, and where they are from. */
export type FileRecord = z.output<typeof fileRecord>;

/** The file as it is, its bytes verified. */
export interface KeptVersion {
  readonly record: FileRecord;
  /** What the server's checksum file said when the file was fetched. */
  readonly checksum: string | undefined;
}

/**
 * A file from a server, kept in a folder under a name. Beside it are the text of its checksum file, as dalle2-laion keeps
 * it, so that both programs can share a folder; a record of ours; and `.part` files with what was fetched so far, each
 * named by its content.
 *
 * The record is written before the part takes the file's place: a process killed in between leaves a record that names a
 * complete part, and the next one finishes what was begun.
 */
export class KeptFile {
  readonly path: string;

  constructor(
    readonly folder: string,
    private readonly filename: string,
  ) {
    this.path = join(folder, filename);
  }

  partPath(part: string): string {
    return `${this.path}.${part}${SUFFIXES.part}`;
  }

  /**
   * The file as it is kept. Its bytes are verified by its record, or else, at the cost of reading it once, by a SHA-256:
   * `sha256`, that of dalle2-laion's checksum file, or that of the record. One without any of these is taken as it is.
   * Undefined where it is missing, or damaged, which `onDamaged` is told.
   */
  async current(
    sha256: string | undefined,
    onDamaged: () => void,
    signal?: AbortSignal,
  ): Promise<KeptVersion | undefined> {
    const record = await readRecord(this.path);
    if (record && !describes(record, await statFile(this.path))) await this.#finish(record, signal);
    const stat = await statFile(this.path);
    if (!stat) return undefined;
    const checksum = await readTextIfThere(this.path + SUFFIXES.checksum);
    if (record && describes(record, stat)) return { record, checksum };
    const found = await sha256OfFile(this.path, signal);
    if (found === undefined) return undefined;
    // Read again, because another process may have replaced both meanwhile.
    const latest = await readRecord(this.path);
    if (found === latest?.sha256) return { record: await this.#renew(latest, stat), checksum };
    const expected = sha256 ?? this.#sha256In(checksum) ?? latest?.sha256 ?? found;
    if (expected === found) return { record: await this.#renew({ ...stat, sha256: found }, stat), checksum };
    onDamaged();
    return undefined;
  }

  /** Says where a part comes from, before it is begun. */
  async begin(part: string, origin: Origin): Promise<void> {
    await writeJson(originPath(this.partPath(part)), origin);
  }

  /** Puts a part that is complete and verified in the file's place, and removes all others. */
  async install(part: string, record: FileRecord, checksum: string | undefined): Promise<void> {
    await writeJson(this.path + SUFFIXES.record, { ...record, part });
    await this.#take(part);
    await this.#writeChecksum(checksum);
    const parts = (await listFiles(this.folder)).filter((name) => this.#isPart(name));
    // In Windows, one that another process writes to cannot be removed.
    await Promise.all(parts.map((name) => removeFile(join(this.folder, name)).catch(() => undefined)));
  }

  /** Notes that a version is what `url` has now, and what its checksum file says. */
  async confirm({ record, checksum }: KeptVersion, url: string, text: string | undefined): Promise<void> {
    const from = originAt(url);
    if (record.url !== from.url || record.address !== from.address) await this.#renew({ ...record, ...from }, record);
    if (text !== undefined && text !== checksum) await this.#writeChecksum(text).catch(() => undefined);
  }

  async #writeChecksum(text: string | undefined): Promise<void> {
    const path = this.path + SUFFIXES.checksum;
    if (text === undefined) await removeFile(path);
    else await writeFileAtomic(path, new TextEncoder().encode(text));
  }

  /** Moves the part that a record names to its place, where it is whole. */
  async #finish({ part, size, sha256 }: FileRecord, signal?: AbortSignal): Promise<void> {
    if (part === undefined) return;
    const path = this.partPath(part);
    if ((await statFile(path))?.size !== size || (await sha256OfFile(path, signal)) !== sha256) return;
    await this.#take(part);
  }

  async #take(part: string): Promise<void> {
    const path = this.partPath(part);
    // Before the part is gone, because nobody would look for it afterwards.
    await removeFile(originPath(path));
    await moveFile(path, this.path);
  }

  #isPart(name: string): boolean {
    return name.startsWith(`${this.filename}.`) && (name.endsWith(SUFFIXES.part) || name.endsWith(SUFFIXES.origin));
  }

  async #renew(record: FileRecord, stat: FileStat): Promise<FileRecord> {
    const renewed = { ...record, size: stat.size, modified: stat.modified };
    // In a folder that one may only read, the file is read once more the next time.
    await writeJson(this.path + SUFFIXES.record, renewed).catch(() => undefined);
    return renewed;
  }

  #sha256In(checksum: string | undefined): string | undefined {
    try {
      return checksum === undefined ? undefined : parseChecksum(checksum, this.filename, this.path)?.sha256;
    } catch (error) {
      // A list of checksums in which the file has another name.
      if (error instanceof FileError) return undefined;
      throw error;
    }
  }
}

/** Removes a kept file and what is known of it. */
export async function removeKept(path: string): Promise<void> {
  await removeFile(path);
  await removeFile(path + SUFFIXES.checksum);
  await removeFile(path + SUFFIXES.record);
}

/** Removes a part and what says where it comes from. */
export async function removePart(path: string): Promise<void> {
  await removeFile(path);
  await removeFile(originPath(path));
}

function originPath(part: string): string {
  return part.slice(0, -SUFFIXES.part.length) + SUFFIXES.origin;
}

/** The record of the file at `path`; undefined where there is none that can be read. */
export async function readRecord(path: string): Promise<FileRecord | undefined> {
  return fileRecord.safeParse(await readJson(path + SUFFIXES.record)).data;
}

/** Where the part at `path` comes from. */
export async function readOrigin(path: string): Promise<Origin> {
  return origin.safeParse(await readJson(originPath(path))).data ?? {};
}

function describes({ size, modified }: FileRecord, stat: FileStat | undefined): boolean {
  return stat?.size === size && stat.modified === modified;
}

async function readTextIfThere(path: string): Promise<string | undefined> {
  return whereThere(path, () => readText(path, MAX_BYTES.record));
}

async function readJson(path: string): Promise<unknown> {
  try {
    return parseJson((await readTextIfThere(path)) ?? "null");
  } catch {
    return undefined;
  }
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, new TextEncoder().encode(JSON.stringify(value, null, 2)));
}
