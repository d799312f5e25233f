import { folderExists, statFile } from "#platform";
import type { FolderLocation } from "../config/load-config-data.js";
import { FOLDER_INDEX, isFolderIndex } from "../files/folder/file-folder.js";
import { parseHubId } from "../files/folder/hub-place.js";
import { isOnServer } from "../files/folder/plain-folder.js";
import { isFolderUrl } from "../files/folder/places.js";
import { isUrl } from "../files/open.js";
import type { HttpOptions } from "../files/request.js";

/**
 * The folder of models that a text names: a path, a URL, or the id of a repository on the hub. Undefined if it names a file, or
 * nothing. A path comes before an id. Rejects with `FileError` if a server cannot be asked.
 */
export async function findPipeline(text: string, options: HttpOptions): Promise<FolderLocation | undefined> {
  if (isUrl(text)) return (await isFolderOnServer(text, options)) ? { load_type: "url", path: text } : undefined;
  const isFolder = await folderExists(text);
  if (isFolder || (await statFile(text))) {
    return isFolder || isFolderIndex(text) ? { load_type: "local", path: text } : undefined;
  }
  return parseHubId(text) && { load_type: "url", path: text };
}

async function isFolderOnServer(url: string, options: HttpOptions): Promise<boolean> {
  if (isFolderUrl(url)) return true;
  const { pathname, search } = new URL(url);
  if (search !== "" || /\.(?:json|safetensors|ckpt|pth|pt|bin)$/i.test(pathname)) return false;
  return isOnServer(`${url}/${FOLDER_INDEX}`, { ...options, patience: { ...options.patience, attempts: 1 } });
}
