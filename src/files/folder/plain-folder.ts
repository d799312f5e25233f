import { statFile } from "#platform";
import { FileError } from "../../platform/errors.js";
import { publicUrl } from "../../platform/secrets.js";
import type { ByteSource } from "../../platform/source.js";
import { isUrl, openSource, resolveBeside } from "../open.js";
import { PATIENCE } from "../patience.js";
import type { HttpOptions } from "../request.js";
import { probe } from "../remote-state.js";
import { checkInside, type FileFolder } from "./file-folder.js";

/** The files of the folder of `file`, a path or URL. Files on a server are read by ranges, and nothing is kept. */
export function folderOf(file: string, options: HttpOptions = {}): FileFolder {
  return new PlainFolder(file, publicUrl(resolveBeside(file, ".")).replace(/[\\/]+$/, ""), options);
}

/** The same for the folder `location`. */
export function plainFolder(location: string, options: HttpOptions = {}): FileFolder {
  return new PlainFolder(`${location.replace(/[\\/]+$/, "")}/.`, publicUrl(location), options);
}

class PlainFolder implements FileFolder {
  constructor(
    /** Path or URL of anything in the folder. */
    private readonly base: string,
    readonly name: string,
    private readonly options: HttpOptions,
  ) {}

  async has(path: string): Promise<boolean> {
    const location = this.#resolve(path);
    return isUrl(location) ? isOnServer(location, this.options) : (await statFile(location)) !== undefined;
  }

  async open(path: string): Promise<ByteSource> {
    return openSource(this.#resolve(path), this.options);
  }

  #resolve(path: string): string {
    checkInside(this.name, path);
    return resolveBeside(this.base, path);
  }
}

/** Whether a server has a file. Rejects with FileError if it cannot be asked. */
export async function isOnServer(url: string, options: HttpOptions): Promise<boolean> {
  try {
    await probe(url, { ...PATIENCE, ...options.patience }, options);
    return true;
  } catch (error) {
    if (error instanceof FileError && error.code === "file/not-found") return false;
    throw error;
  }
}
