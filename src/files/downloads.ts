// Downloads are loaded with the first: who opens files of the user has none.
import { loadPart } from "../platform/load-part.js";
import type { ByteSource } from "../platform/source.js";
import type { RemoteFile, RemoteOptions } from "./remote-options.js";

const loadDownloads = () => loadPart("downloads", () => import("./remote-file.js"));

/**
 * Opens a file on a server. It is downloaded to its folder the first time, and again if the server has a newer version. Its
 * bytes are verified by their SHA-256 if that is published, else by their number. An interrupted download resumes. If the
 * server cannot be asked, the kept file is used, with a warning.
 *
 * Any number of processes may do this with the same folder and may be killed at any time: a file is always complete under
 * its final name. Rejects with FileError. The caller closes the source.
 */
export async function openRemote(file: RemoteFile, options: RemoteOptions = {}): Promise<ByteSource> {
  return (await loadDownloads()).openRemote(file, options);
}

/** Opens a file that was kept, as `openKept` of remote-file.ts. */
export async function openKept(file: RemoteFile, options: RemoteOptions = {}): Promise<ByteSource | undefined> {
  return (await loadDownloads()).openKept(file, options);
}
