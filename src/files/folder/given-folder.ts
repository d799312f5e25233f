// Files and folders that a user of a page picked or dropped.
import { ArgumentError } from "../../platform/arguments.js";
import { FileError } from "../../platform/errors.js";
import { BlobSource, type ByteSource } from "../../platform/source.js";
import type { FileHandle, FolderHandle } from "../handles.js";
import type { FileFolder } from "./file-folder.js";

/** A file that a user picked or dropped, or any blob. */
export type GivenFile = Blob | FileHandle;

/**
 * A folder that a user picked or dropped: its handle; the files of an `<input webkitdirectory>`, or other files that lie side by
 * side (`input.files`), with handles of folders among them; or files by their paths, with slashes.
 */
export type GivenFolder =
  FolderHandle | ArrayLike<File | FileHandle | FolderHandle> | ReadonlyMap<string, GivenFile | FolderHandle>;

/** A file or folder in a folder that a user picked or dropped. */
export interface GivenPath {
  /** The folder. */
  readonly folder: GivenFolder;
  /** Its path there, with slashes. */
  readonly path: string;
}

type List = ArrayLike<File | FileHandle | FolderHandle>;

type Entry = GivenFile | FolderHandle;

/** What a folder has at a path; undefined for nothing. */
type Find = (path: string) => Promise<Entry | undefined>;

/** Tells a file from a folder that a user picked or dropped. */
export function isGivenFile(given: GivenFile | GivenFolder | GivenPath): given is GivenFile {
  return given instanceof Blob || ("kind" in given && given.kind === "file");
}

/** Tells a file or folder in a folder from the folder itself. */
export function isGivenPath(given: GivenFile | GivenFolder | GivenPath): given is GivenPath {
  return "folder" in given;
}

/** The files of a folder that a user picked or dropped. */
export function givenFolder(given: GivenFolder): GivenFiles {
  const { name, entries } = contentOf(given);
  return entries instanceof Map
    ? new GivenFiles(name, (path) => atPath(entries, path))
    : new GivenFiles(name, (path) => atHandle(entries, path));
}

/** Names of the files in a folder itself, without those in its folders. Rejects with FileError. */
export async function namesIn(given: GivenFolder): Promise<readonly string[]> {
  const { name: folder, entries } = contentOf(given);
  if (entries instanceof Map) {
    return [...entries].filter(([path, entry]) => !path.includes("/") && !isFolderHandle(entry)).map(([path]) => path);
  }
  const names: string[] = [];
  try {
    for await (const { name, kind } of entries.values()) if (kind === "file") names.push(name);
  } catch (cause) {
    throw unreadable(folder, cause);
  }
  return names;
}

/** The name of a folder, empty if it has none; and its handle, or its entries by their paths. */
function contentOf(given: GivenFolder): {
  readonly name: string;
  readonly entries: FolderHandle | Map<string, Entry>;
} {
  if (isFolderHandle(given)) return { name: given.name, entries: given };
  const { name, entries } = given instanceof Map ? { name: "", entries: given } : entriesOf(given as List);
  const only: unknown = entries.values().next().value;
  return entries.size === 1 && isFolderHandle(only) ? { name: only.name, entries: only } : { name, entries };
}

/** Opens a file that a user picked or dropped. Rejects with FileError. */
export async function openGiven(given: GivenFile | GivenPath): Promise<ByteSource> {
  if (!isGivenPath(given)) return new AloneSource(await fileOf(given, nameOf(given)), nameOf(given));
  const files = givenFolder(given.folder);
  return files.open(files.resolve("", given.path));
}

/** The same files as a value that any browser can pass to a worker: it may lose the paths of files in a list. */
export function cloneableFolder(given: GivenFolder): GivenFolder {
  return contentOf(given).entries;
}

/** The files of a folder that a user picked or dropped. Files in its folders are found too. */
export class GivenFiles implements FileFolder {
  readonly name: string;

  constructor(
    /** Name of the folder; empty if it has none. */
    private readonly label: string,
    private readonly find: Find,
    /** Path in the folder that was given; empty for the folder itself. */
    private readonly base = "",
  ) {
    this.name = this.describe("") || "the given files";
  }

  async has(path: string): Promise<boolean> {
    const found = await this.#at(path);
    return found !== undefined && !isFolderHandle(found);
  }

  async open(path: string): Promise<ByteSource> {
    const found = await this.#at(path);
    const name = this.describe(path);
    if (found === undefined || isFolderHandle(found)) {
      throw new FileError(name, `there is no such file in ${this.name}`, {
        code: "file/not-found",
        advice: "give a folder that has all files",
      });
    }
    const openBeside = async (other: string): Promise<ByteSource> => this.open(this.resolve(path, other));
    return new FolderSource(await fileOf(found, name), name, openBeside);
  }

  async #at(path: string): Promise<Entry | undefined> {
    const inside = this.resolve("", path);
    return inside === "" ? undefined : this.find(join(this.base, inside));
  }

  /** A folder in this one. */
  folder(path: string): GivenFiles {
    return new GivenFiles(this.label, this.find, join(this.base, this.resolve("", path)));
  }

  /**
   * The path that the file `from` calls `path`; empty for this folder. Throws FileError if it leads out of this folder, as an
   * absolute path does.
   */
  resolve(from: string, path: string): string {
    if (/^\/|\\|\0/.test(path)) throw this.#outside(path);
    const parts = from.split("/").slice(0, -1);
    for (const part of path.split("/")) {
      if (part === "" || part === ".") continue;
      if (part !== "..") parts.push(part);
      else if (parts.pop() === undefined) throw this.#outside(path);
    }
    return parts.join("/");
  }

  #outside(path: string): FileError {
    const advice = "give a relative path, with slashes between folders, to a file in this folder";
    return new FileError(path, `is not in ${this.name}: files of a folder can name only files in it`, { advice });
  }

  /** The path of a file, for messages. */
  describe(path: string): string {
    return join(this.label, this.base, path);
  }
}

/** A file in a folder. */
class FolderSource extends BlobSource {
  constructor(
    file: Blob,
    name: string,
    /** Opens a file by its path from this one. */
    readonly openBeside: (path: string) => Promise<ByteSource>,
  ) {
    super(file, name);
  }
}

/** A file that was given without its folder. */
class AloneSource extends BlobSource {
  openBeside(path: string): Promise<ByteSource> {
    const problem = `is beside ${this.name}, which was given without its folder`;
    return Promise.reject(new FileError(path, problem, { code: "file/not-found", advice: "give the folder" }));
  }
}

function isFolderHandle(given: unknown): given is FolderHandle {
  return typeof given === "object" && given !== null && "kind" in given && given.kind === "directory";
}

function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("/");
}

/** Name of a file, for messages. */
export function nameOf(file: GivenFile): string {
  return "name" in file ? (file as File | FileHandle).name : "blob";
}

/** The entries of a list by their paths. All files of an `<input webkitdirectory>` have the name of its folder before theirs. */
function entriesOf(list: List): {
  readonly name: string;
  readonly entries: Map<string, Entry>;
} {
  if (!("length" in list)) throw notAFolder();
  let name = "";
  const entries = new Map<string, Entry>();
  for (const entry of Array.from(list)) {
    const [folder, ...rest] = ("webkitRelativePath" in entry ? entry.webkitRelativePath : "").split("/");
    if (rest.length > 0) name = folder!;
    const path = rest.join("/") || entry.name;
    if (entries.has(path)) {
      const advice = "give one folder, or files of one folder";
      throw new FileError(path, "two of the given files have this path", { advice });
    }
    entries.set(path, entry);
  }
  return { name, entries };
}

function notAFolder(): ArgumentError {
  return new ArgumentError("folder", "This object is neither a file nor a folder that a user picked or dropped.", {
    advice: "For the content of a load config, call ModelLoadConfig.parse",
  });
}

async function atPath(entries: ReadonlyMap<string, Entry>, path: string): Promise<Entry | undefined> {
  const whole = entries.get(path);
  if (whole !== undefined) return whole;
  for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
    const folder = entries.get(path.slice(0, slash));
    if (isFolderHandle(folder)) return atHandle(folder, path.slice(slash + 1));
  }
  return undefined;
}

async function atHandle(root: FolderHandle, path: string): Promise<FileHandle | undefined> {
  const parts = path.split("/");
  const last = parts.pop()!;
  try {
    let folder = root;
    for (const part of parts) folder = await folder.getDirectoryHandle(part);
    return await folder.getFileHandle(last);
  } catch (cause) {
    if (hasName(cause, "NotFoundError", "TypeMismatchError")) return undefined;
    throw unreadable(join(root.name, path), cause);
  }
}

async function fileOf(given: GivenFile, name: string): Promise<Blob> {
  if (!("getFile" in given)) return given;
  try {
    return await given.getFile();
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

/** Handles fail with errors of the browser. */
function unreadable(name: string, cause: unknown): FileError {
  if (hasName(cause, "NotAllowedError")) {
    return new FileError(name, "the page may not read it: its handle has no permission", {
      code: "file/access-refused",
      cause,
      advice: "call requestPermission() of the handle when the user clicks, or let the user pick it again",
    });
  }
  const code = hasName(cause, "NotFoundError") ? "file/not-found" : "file/failed";
  const problem = "could not be read; it may have been moved or removed since the user picked it";
  return new FileError(name, problem, { code, cause, advice: "let the user pick it again" });
}

function hasName(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof Error && names.includes(error.name);
}
