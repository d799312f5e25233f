// Repositories that Hugging Face's own libraries have downloaded: models--ORG--NAME/{refs/REVISION, snapshots/COMMIT/…}.
import { folderExists, hubCacheFolder, join, readText, statFile } from "#platform";
import { MAX_BYTES } from "../../platform/limits.js";
import type { HubPlace } from "./hub-place.js";

/** The folder of a snapshot in the cache of Hugging Face's libraries; undefined if there is none. It may be incomplete. */
export async function hubSnapshot({ id, revision }: HubPlace): Promise<string | undefined> {
  const cache = hubCacheFolder();
  return cache === undefined ? undefined : snapshotIn(join(cache, `models--${id.replaceAll("/", "--")}`), revision);
}

/** The snapshot of a revision in the folder of a repository in that cache; undefined if there is none. */
export async function snapshotIn(repository: string, revision = "main"): Promise<string | undefined> {
  const ref = join(repository, "refs", revision);
  const commit = (await statFile(ref)) ? (await readText(ref, MAX_BYTES.record)).trim() : revision;
  if (!/^[0-9a-f]{40}$/.test(commit)) return undefined;
  const snapshot = join(repository, "snapshots", commit);
  return (await folderExists(snapshot)) ? snapshot : undefined;
}
