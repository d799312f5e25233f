import { join, listFiles, locksFiles, moveFile, readText, removeFile, statFile, writeFileAtomic } from "#platform";
import * as z from "zod/mini";
import { FileError } from "../platform/errors.js";
import { parseJson } from "../platform/json.js";
import { MAX_BYTES } from "../platform/limits.js";
import type { FileStat } from "../platform/platform.js";
import { publicUrl } from "../platform/secrets.js";
import { parseChecksum } from "./checksum.js";
import { ifExists, shortHash, sumsOfFile } from "./hash.js";

/** Suffixes of the files beside a kept file `model.pth`: `model.pth.checksum` and so on. */
export const SUFFIXES = { checksum: ".checksum", record: ".record.json", part: ".part", origin: ".part.json" } as const;

/** Where a download came from, and the server's name for this version of it. */
const origin = z.object({
  /** The URL without secrets. */
  url: z.optional(z.string()),
  /** A hash of the whole URL, to recognise it. Records of earlier versions have none. */
  address: z.optional(z.string()),
  version: z.optional(z.string()),
  size: z.optional(z.number()),
});
export type Origin = z.output<typeof origin>;

/** The part of a record that identifies a URL. */
export function originAt(url: string): Pick<Origin, "url" | "address"> {
  return { url: publicUrl(url), address: shortHash(url) };
}

/** True if the record says that the content came from another URL. */
export function isFromElsewhere(record: Origin, url: string): boolean {
  if (record.address !== undefined) return record.address !== shortHash(url);
  return record.url !== undefined && record.url !== url;
}

const fileRecord = z.extend(origin, {
  size: z.number(),
  /** When the file was last changed, by its file system. */
  modified: z.number(),
  sha256: z.string(),
  /** Checksums of its pieces: `pieceSum`. Records of earlier versions have none. */
  pieces: z.optional(z.array(z.string())),
  /** The part that becomes the file. */
  part: z.optional(z.string()),
  /** The name that the part had before; it still has it if its process was killed at once. */
  before: z.optional(z.string()),
});

/** Says that the bytes of a file with this size and time were verified, and where they came from. */
export type FileRecord = z.output<typeof fileRecord>;

/** The current content of the file, verified. */
export interface KeptVersion {
  readonly record: FileRecord;
  /** The text of the server's checksum file when the file was fetched. */
  readonly checksum: string | undefined;
}

/**
 * A downloaded file in a folder. Beside it are the text of its checksum file, as dalle2-laion writes it, so that both
 * programs can share a folder; our own record; and `.part` files with unfinished downloads, each named by its content.
 *
 * The record is written before the part replaces the file. If the process is killed in between, the record names a complete
 * part, and the next process finishes the replacement.
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
   * The current version of the file. Its bytes are verified by the record's size and time, or else by reading the file for
   * its SHA-256. That is compared with `sha256`, with dalle2-laion's checksum file, or with the record; a file without any
   * of these is accepted. Undefined if the file is missing or damaged; in the second case `onDamaged` is called.
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
    const found = await sumsOfFile(this.path, signal);
    if (found === undefined) return undefined;
    // Read again, because another process may have replaced both.
    const latest = await readRecord(this.path);
    if (found.sha256 === latest?.sha256) return { record: await this.renew({ ...latest, ...found }, stat), checksum };
    const expected = sha256 ?? this.#sha256In(checksum) ?? latest?.sha256 ?? found.sha256;
    if (expected === found.sha256) return { record: await this.renew({ ...stat, ...found }, stat), checksum };
    onDamaged();
    return undefined;
  }

  /** Records the origin of a part, before its download starts. */
  async begin(part: string, origin: Origin): Promise<void> {
    await writeJson(originPath(this.partPath(part)), origin);
  }

  /** Moves a complete, verified part to the file's name, and removes all other parts. Does nothing if another process has moved it. */
  async install(part: string, record: FileRecord, checksum: string | undefined): Promise<void> {
    if (!(await this.#replaceBy(part, record))) {
      // The process that has moved the part may have removed its origin before this one recorded it.
      if (!(await statFile(this.partPath(part)))) await removeOrigin(this.partPath(part));
      return;
    }
    await this.#writeChecksum(checksum);
    const parts = (await listFiles(this.folder)).filter((name) => this.#isPart(name));
    // Windows refuses to remove a part that another process writes to.
    await Promise.all(parts.map((name) => removeFile(join(this.folder, name)).catch(() => undefined)));
  }

  /** Makes bytes from `url` the content of the file. */
  async keep(bytes: Uint8Array, url: string): Promise<void> {
    const part = crypto.randomUUID();
    const path = this.partPath(part);
    await writeFileAtomic(path, bytes);
    const [stat, sums] = [await statFile(path), await sumsOfFile(path)];
    if (stat && sums) await this.install(part, { ...originAt(url), ...stat, ...sums }, undefined);
  }

  /** Records that a version is the current one at `url`, and the text of its checksum file. */
  async confirm({ record, checksum }: KeptVersion, url: string, text: string | undefined): Promise<void> {
    const from = originAt(url);
    if (record.url !== from.url || record.address !== from.address) await this.renew({ ...record, ...from }, record);
    if (text !== undefined && text !== checksum) await this.#writeChecksum(text).catch(() => undefined);
  }

  /** Makes the next use of the file verify all of it, and fetch it again if it is damaged. */
  async distrust(): Promise<void> {
    const record = await readRecord(this.path);
    if (record) await this.renew(record, { size: record.size, modified: 0 });
  }

  /**
   * Records a complete part, and moves it to the file's name. Other processes may have downloaded the same part: one may have installed
   * it, and another begun it again. False if it is not there, or not complete.
   */
  async #replaceBy(part: string, record: FileRecord): Promise<boolean> {
    // A name that no other process knows.
    const own = locksFiles ? part : crypto.randomUUID();
    const isComplete = async (name: string) => (await statFile(this.partPath(name)))?.size === record.size;
    if (!(await isComplete(part))) return false;
    // With both names, because a process that is killed has moved the part, or not yet.
    await writeJson(this.path + SUFFIXES.record, { ...record, part: own, before: part });
    await removeFile(originPath(this.partPath(part)));
    if (own !== part && !(await moveFile(this.partPath(part), this.partPath(own)))) return false;
    if (await isComplete(own)) return moveFile(this.partPath(own), this.path);
    await moveFile(this.partPath(own), this.partPath(part));
    return false;
  }

  async #writeChecksum(text: string | undefined): Promise<void> {
    const path = this.path + SUFFIXES.checksum;
    if (text === undefined) await removeFile(path);
    else await writeFileAtomic(path, new TextEncoder().encode(text));
  }

  /** Moves the part that a record names to its place, if it is complete. */
  async #finish(record: FileRecord, signal?: AbortSignal): Promise<void> {
    for (const part of new Set([record.part, record.before])) {
      if (part === undefined) continue;
      const path = this.partPath(part);
      if ((await statFile(path))?.size !== record.size) continue;
      if ((await sumsOfFile(path, signal))?.sha256 !== record.sha256) continue;
      await this.#replaceBy(part, record);
      return;
    }
  }

  #isPart(name: string): boolean {
    return name.startsWith(`${this.filename}.`) && (name.endsWith(SUFFIXES.part) || name.endsWith(SUFFIXES.origin));
  }

  /** Records that the file with the size and time `stat` is verified. */
  async renew(record: FileRecord, stat: FileStat): Promise<FileRecord> {
    const renewed = { ...record, size: stat.size, modified: stat.modified };
    // If the folder is read-only, the file is hashed again the next time.
    await writeJson(this.path + SUFFIXES.record, renewed).catch(() => undefined);
    return renewed;
  }

  #sha256In(checksum: string | undefined): string | undefined {
    try {
      return checksum === undefined ? undefined : parseChecksum(checksum, this.filename, this.path)?.sha256;
    } catch (error) {
      // A list of checksums that names the file differently.
      if (error instanceof FileError) return undefined;
      throw error;
    }
  }
}

/** Removes a kept file with its record and checksum. */
export async function removeKept(path: string): Promise<void> {
  await removeFile(path);
  await removeFile(path + SUFFIXES.checksum);
  await removeFile(path + SUFFIXES.record);
}

/** Removes a part and its origin. */
export async function removePart(path: string): Promise<void> {
  await removeFile(path);
  await removeOrigin(path);
}

/** Removes the origin of a part. */
export async function removeOrigin(path: string): Promise<void> {
  await removeFile(originPath(path));
}

function originPath(part: string): string {
  return part.slice(0, -SUFFIXES.part.length) + SUFFIXES.origin;
}

/** The record of the file at `path`; undefined if there is no readable one. */
export async function readRecord(path: string): Promise<FileRecord | undefined> {
  return fileRecord.safeParse(await readJson(path + SUFFIXES.record)).data;
}

/** The origin of the part at `path`. */
export async function readOrigin(path: string): Promise<Origin> {
  return origin.safeParse(await readJson(originPath(path))).data ?? {};
}

/** Whether a record is of the file with this size and time. */
export function describes({ size, modified }: FileRecord, stat: FileStat | undefined): boolean {
  return stat?.size === size && stat.modified === modified;
}

async function readTextIfThere(path: string): Promise<string | undefined> {
  return ifExists(path, () => readText(path, MAX_BYTES.record));
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
