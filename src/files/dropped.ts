import { FileError } from "../platform/errors.js";
import type { GivenFile, GivenFolder } from "./folder/given-folder.js";
import type { DroppedEntry, DroppedItem, FileHandle, FolderHandle } from "./handles.js";

type Dropping = GivenFile | FolderHandle;

/** What a drop has; `event.dataTransfer` is one. */
export interface Dropped {
  /** Texts, files and folders. */
  readonly items: ArrayLike<DroppedItem>;
}

/**
 * The files of a drop, for `ModelLoadConfig.open`, `DalleModelManager.create` and the worker client: a folder that was dropped, or
 * the files and folders that were. Call it in the event itself, because a drop is empty after it. In browsers without handles of
 * dropped folders, the names of all files in them are read. Rejects with FileError.
 *
 * @example
 * page.ondrop = async (event) => {
 *   event.preventDefault();
 *   const manager = await client.open(await droppedFolder(event.dataTransfer));
 * };
 */
export async function droppedFolder({ items }: Dropped): Promise<GivenFolder> {
  const files = Array.from(items).filter(({ kind }) => kind === "file");
  // Each of these functions asks before it waits.
  const asked = files.map(async (item) => {
    if (item.getAsFileSystemHandle) return await item.getAsFileSystemHandle();
    return item.webkitGetAsEntry() ?? item.getAsFile();
  });
  const found = (await Promise.all(asked)).filter((one) => one !== null);
  if (found.length === 0) throw new FileError("drop", "it has no files", { code: "file/not-found" });
  const entries = new Map<string, Dropping>();
  for (const one of found) {
    if (!isEntry(one)) entries.set(one.name, one);
    else await addFiles(one, found.length === 1 && one.isDirectory ? "" : one.name, entries);
  }
  return entries;
}

function isEntry(one: DroppedEntry | FileHandle | FolderHandle | File): one is DroppedEntry {
  return "isDirectory" in one;
}

/** Adds a file, or all files of a folder, under their paths; `path` is that of the entry. */
async function addFiles(entry: DroppedEntry, path: string, files: Map<string, Dropping>): Promise<void> {
  try {
    if (!entry.isDirectory) {
      files.set(path, await fileOf(entry as FileSystemFileEntry));
      return;
    }
    for (const inside of await entriesIn(entry as FileSystemDirectoryEntry)) {
      await addFiles(inside, path === "" ? inside.name : `${path}/${inside.name}`, files);
    }
  } catch (cause) {
    if (cause instanceof FileError) throw cause;
    throw new FileError(path || entry.name, "the dropped file or folder could not be read", { cause });
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => {
    entry.file(resolve, reject);
  });
}

async function entriesIn(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  // Each call has at most a hundred; the last has none.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (some.length === 0) return all;
    all.push(...some);
  }
}
