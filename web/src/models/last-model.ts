// Which model was chosen last: its id or URL, or the handle of its folder.
import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import { entryOf } from "./catalogue.js";
import type { ModelChoice } from "./model-choice.js";
import { modelAt, modelIn } from "./own-model.js";

const KEY = "dalle2app.model";

interface HandlesSchema extends DBSchema {
  handles: { key: string; value: FileSystemDirectoryHandle };
}

/** What browsers that have handles of folders have, too. */
interface AskableHandle extends FileSystemDirectoryHandle {
  queryPermission?(options: { readonly mode: "read" }): Promise<PermissionState>;
  requestPermission?(options: { readonly mode: "read" }): Promise<PermissionState>;
}

/** A folder of an earlier visit. */
export interface RememberedFolder {
  readonly choice: ModelChoice;
  /** Whether the page may read it without asking. */
  readonly isAllowed: boolean;
  /** Asks the person; call it in a click. */
  ask(): Promise<boolean>;
}

type Storage = Pick<globalThis.Storage, "getItem" | "setItem" | "removeItem">;

/** Remembers a choice. Files without a handle cannot be remembered: then the one before is forgotten. */
export async function rememberModel(choice: ModelChoice, storage: Storage | undefined): Promise<void> {
  const { id, config } = choice;
  const isHandle = isFolderHandle(config);
  try {
    if (isHandle) await (await open()).put("handles", config, "last");
    if (isHandle || typeof config === "string") storage?.setItem(KEY, isHandle ? "folder" : id);
    else storage?.removeItem(KEY);
  } catch {
    // Nothing is kept here: the next visit begins with the included model.
  }
}

/** The model of the last visit, by its id or URL. */
export function rememberedModel(storage: Storage | undefined): ModelChoice | undefined {
  return modelOf(storage?.getItem(KEY) ?? undefined);
}

/** The model of an id or URL; undefined if there is none. */
function modelOf(id: string | undefined): ModelChoice | undefined {
  if (id === undefined || id === "folder") return undefined;
  const entry = entryOf(id);
  if (entry) return entry.choice;
  try {
    return modelAt(id);
  } catch {
    return undefined;
  }
}

/** The folder of the last visit. */
export async function rememberedFolder(storage: Storage | undefined): Promise<RememberedFolder | undefined> {
  if (storage?.getItem(KEY) !== "folder") return undefined;
  try {
    const handle: AskableHandle | undefined = await (await open()).get("handles", "last");
    if (!handle) return undefined;
    const mode = { mode: "read" } as const;
    return {
      choice: modelIn(handle, handle.name),
      isAllowed: (await handle.queryPermission?.(mode)) === "granted",
      ask: async () => (await handle.requestPermission?.(mode)) === "granted",
    };
  } catch {
    return undefined;
  }
}

function isFolderHandle(config: unknown): config is FileSystemDirectoryHandle {
  return typeof config === "object" && config !== null && "kind" in config && config.kind === "directory";
}

function open(): Promise<IDBPDatabase<HandlesSchema>> {
  return openDB<HandlesSchema>("dalle2-models", 1, {
    upgrade: (database) => {
      database.createObjectStore("handles");
    },
  });
}
