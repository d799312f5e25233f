// The browser's side of the platform. Files live in the origin private file system, which needs no permission.
import { FileError } from "./errors.js";
import type { Platform } from "./platform.js";
import { BlobSource } from "./source.js";

export { adapterAdvice, openWebGpu } from "./browser-gpu.js";
export { decodeImage, encodePicture } from "./browser-image.js";

export const openFile: Platform["openFile"] = async (path) => new BlobSource(await fileAt(path), path);

export const readText: Platform["readText"] = async (path) => {
  const bytes = await (await fileAt(path)).arrayBuffer();
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FileError(path, "is not UTF-8 text", { cause });
  }
};

/** Keeps the browser's own promise: what a writable stream holds becomes the file only when it is closed. */
export const writeFileAtomic: Platform["writeFileAtomic"] = async (path, data) => {
  const handle = await handleAt(path, true);
  const stream = await handle.createWritable();
  try {
    if (data instanceof Uint8Array) await stream.write(new Uint8Array(data));
    else for await (const chunk of data) await stream.write(new Uint8Array(chunk));
  } catch (error) {
    await stream.abort();
    throw error;
  }
  await stream.close();
};

export const cacheFolder: Platform["cacheFolder"] = () => "dalle2-webgpu/cache";

export const join: Platform["join"] = (...parts) => normalize(parts.filter((part) => part !== "").join("/"));

export const dirname: Platform["dirname"] = (path) => {
  const slash = path.lastIndexOf("/");
  if (slash < 0) return ".";
  return slash === 0 ? "/" : path.slice(0, slash);
};

export const isAbsolute: Platform["isAbsolute"] = (path) => path.startsWith("/");

function normalize(path: string): string {
  const root = path.startsWith("/") ? "/" : "";
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    const climbs = part === ".." && kept.length > 0 && kept.at(-1) !== "..";
    if (climbs) kept.pop();
    else if (part !== ".." || root === "") kept.push(part);
  }
  return root + kept.join("/") || ".";
}

async function fileAt(path: string): Promise<File> {
  return (await handleAt(path, false)).getFile();
}

async function handleAt(path: string, create: boolean): Promise<FileSystemFileHandle> {
  const parts = normalize(path)
    .split("/")
    .filter((part) => part !== "");
  const name = parts.pop();
  if (name === undefined || name === "." || parts.includes(".."))
    throw new FileError(path, "is not the path of a file");
  try {
    let folder = await navigator.storage.getDirectory();
    for (const part of parts) folder = await folder.getDirectoryHandle(part, { create });
    return await folder.getFileHandle(name, { create });
  } catch (cause) {
    const remedy = "give a URL, or the File that the user picked, to read anything else";
    throw new FileError(path, `could not be opened in this site's private file system; ${remedy}`, { cause });
  }
}
