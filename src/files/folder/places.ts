import { folderExists, join, statFile } from "#platform";
import { FileError } from "../../platform/errors.js";
import { loadPart } from "../../platform/load-part.js";
import { isUrl } from "../open.js";
import { FOLDER_INDEX, isFolderIndex, type FileFolder } from "./file-folder.js";
import { hubPlaceOf, parseHubId, type HubPlace } from "./hub-place.js";
import { hubSnapshot, snapshotIn } from "./hub-snapshot.js";
import { folderOf, plainFolder } from "./plain-folder.js";
import type { RemoteFolderOptions } from "./remote-folder.js";

/** A folder on a server: a repository on the hub, or the URL of a folder or of its index. */
type RemotePlace = HubPlace | string;

/**
 * True if a URL is that of a folder of models: a repository on the hub, or a URL that ends in `/model_index.json` or a slash.
 * Throws FileError for a folder inside of a repository.
 */
export function isFolderUrl(url: string): boolean {
  return hubPlaceOf(url) !== undefined || isFolderPath(new URL(url).pathname);
}

function isFolderPath(pathname: string): boolean {
  return pathname.endsWith("/") || isFolderIndex(pathname);
}

/** The place that a URL or hub id names; undefined for any other text. */
export function remotePlace(text: string): RemotePlace | undefined {
  if (!isUrl(text)) return parseHubId(text);
  return hubPlaceOf(text) ?? text;
}

/**
 * The folders that a place may be read from, the best first: a snapshot in the cache of Hugging Face's libraries, then the
 * server.
 */
export async function remoteFolders(place: RemotePlace, options: RemoteFolderOptions): Promise<readonly FileFolder[]> {
  const { hubFolder, serverFolder } = await loadPart(
    "the reader of folders on servers",
    () => import("./remote-folder.js"),
  );
  if (typeof place === "string") return [serverFolder(place, options)];
  const snapshot = await hubSnapshot(place);
  return [...(snapshot === undefined ? [] : [plainFolder(snapshot)]), hubFolder(place, options)];
}

/**
 * A folder on this machine: `path` is the folder, its index, or a repository in the cache of Hugging Face's libraries. Undefined
 * if there is no such folder. Rejects with FileError.
 */
export async function localFolder(path: string): Promise<FileFolder | undefined> {
  if (!(await folderExists(path))) return (await statFile(path)) ? folderOf(path) : undefined;
  if ((await statFile(join(path, FOLDER_INDEX))) || !(await folderExists(join(path, "snapshots")))) {
    return plainFolder(path);
  }
  const snapshot = await snapshotIn(path);
  if (snapshot !== undefined) return plainFolder(snapshot);
  throw new FileError(path, "has no snapshot of the revision main", {
    code: "file/not-found",
    advice: "give the path of a folder in its snapshots",
  });
}
