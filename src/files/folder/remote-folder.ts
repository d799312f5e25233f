import { cacheFolder, canKeepFiles } from "#platform";
import { FileError } from "../../platform/errors.js";
import { formatBytes } from "../../platform/format-bytes.js";
import { warnOnConsole } from "../../platform/printable.js";
import { publicUrl } from "../../platform/secrets.js";
import type { ByteSource } from "../../platform/source.js";
import { TransientError } from "../http-error.js";
import { tokenAdvice } from "../hub.js";
import { openSource, resolveBeside } from "../open.js";
import { bytesBegun, openKept, openRemote } from "../remote-file.js";
import { patienceOf, type RemoteFile, type RemoteOptions } from "../remote-options.js";
import { checkSpace } from "../space.js";
import { probe } from "../remote-state.js";
import { shortHash } from "../hash.js";
import { checkInside, FOLDER_INDEX, type FileFolder, type FolderFileOptions } from "./file-folder.js";
import type { FolderMemory } from "./folder-memory.js";
import { isGitBlob } from "./git-blob.js";
import { listHub, type HubListing, type ListedFile } from "./hub-listing.js";
import { hubFileUrl, hubId, type HubPlace } from "./hub-place.js";

/** How the files of a folder on a server are read. */
export interface RemoteFolderOptions extends RemoteOptions {
  /** Folder to keep downloads in. Default: the user's cache. */
  readonly folder?: string | undefined;
  /**
   * `ranges`: files that were not downloaded before are read by ranges, and nothing is kept. `early`: weights are opened before they
   * are complete. Default `download`.
   */
  readonly remote?: "download" | "early" | "ranges" | undefined;
  readonly memory: FolderMemory;
}

/** A folder on a server: its name, and where its files are. */
interface Site {
  readonly name: string;
  /** The first part of the names of its downloads. */
  readonly prefix: string;
  readonly urlOf: (path: string) => string;
  /** The list of its files, if its server has one. `isDownloaded`: whether its index is here. */
  readonly list: (isDownloaded: () => Promise<boolean>) => Promise<HubListing | undefined>;
  /** The error if it has no index and no list. Default: it only has no index. */
  readonly notThere?: (cause: FileError) => FileError;
}

/** The files of a repository on the hub. */
export function hubFolder(place: HubPlace, options: RemoteFolderOptions): FileFolder {
  const name = hubId(place);
  const { listings } = options.memory;
  const listing = options.remote === "ranges" ? { ...options, keep: false } : options;
  const list: Site["list"] = async (isDownloaded) => {
    if (!listings.has(name)) listings.set(name, await listHub(place, await isDownloaded(), listing));
    return listings.get(name);
  };
  const what = name === place.id ? "" : " and revision";
  const notThere = (cause: FileError): FileError =>
    new FileError(name, `the hub has no repository of models with this id${what}, or refuses access`, {
      code: "file/not-found",
      cause,
      advice: `check the spelling; for a private repository ${tokenAdvice()}; a folder on this machine is named by its path, such as ./${place.id}`,
    });
  return new RemoteFolder({ name, prefix: name, urlOf: (path) => hubFileUrl(place, path), list, notThere }, options);
}

/** The files of a folder on any server. `url` is that of the folder, or of its index. */
export function serverFolder(url: string, options: RemoteFolderOptions): FileFolder {
  const base = /\/[^/?#]+\.json(?:[?#]|$)/i.test(url) ? url : `${url.replace(/[?#].*$/, "").replace(/\/+$/, "")}/.`;
  const folder = resolveBeside(base, ".").replace(/\/+$/, "");
  const { host, pathname } = new URL(folder);
  const site = { name: publicUrl(folder), prefix: host + pathname, urlOf: (path: string) => resolveBeside(base, path) };
  return new RemoteFolder({ ...site, list: () => Promise.resolve(undefined) }, options);
}

const ABSENT: ReadonlySet<string> = new Set(["file/not-found", "file/access-refused"]);
/** Longest name of a download, so that there is room for the suffixes of the files beside it. */
const MAX_NAME = 120;

/** The files of a folder on a server, which are downloaded when they are first opened, and kept. */
class RemoteFolder implements FileFolder {
  readonly name: string;

  constructor(
    private readonly site: Site,
    private readonly options: RemoteFolderOptions,
  ) {
    this.name = site.name;
  }

  async has(path: string): Promise<boolean> {
    checkInside(this.name, path);
    const listing = await this.#list();
    return listing ? listing.files.has(path) : (await this.#stateOf(path)) !== null;
  }

  async open(path: string, { isWeights = false }: FolderFileOptions = {}): Promise<ByteSource> {
    const { file, listed } = await this.#fileAt(path);
    const { hosts, remote, signal, fetch, patience } = this.options;
    // A server that could not be reached is not asked for each file again, and there is one warning.
    const checkUpdates = hosts?.has(file.url) ? false : this.options.checkUpdates;
    const options = { ...this.options, checkUpdates, early: remote === "early" && isWeights };
    if (remote === "ranges")
      return (await openKept(file, options)) ?? openSource(file.url, { signal, fetch, patience, headersOnly: true });
    if (listed?.blob === undefined) return openRemote(file, options);
    // The list has the hash of a small file too, so its server need not be asked again.
    const kept = await openKept(file, options);
    if (!kept) return openRemote(file, options);
    if (await isGitBlob(await kept.read(0, kept.size), listed.blob)) return kept;
    await kept.close();
    return openRemote(file, { ...options, checkUpdates: true });
  }

  async announce(paths: readonly string[]): Promise<void> {
    const { remote, memory, onWarning: say = warnOnConsole } = this.options;
    if (remote === "ranges" || memory.announced.has(this.name) || !(await canKeepFiles())) return;
    let bytes = 0;
    let largest = 0;
    let isKnown = true;
    for (const path of paths) {
      const left = await this.#bytesLeft(path);
      isKnown &&= left !== undefined;
      bytes += left ?? 0;
      largest = Math.max(largest, left ?? 0);
    }
    if (isKnown && bytes === 0) return;
    const { folder, cacheFolder: cache = cacheFolder() } = this.options;
    await checkSpace(this.name, folder ?? cache, bytes, largest);
    memory.announced.add(this.name);
    const listing = await this.#list();
    const licence = listing && `, ${listing.licence === undefined ? "no licence given" : `licence ${listing.licence}`}`;
    say(`${this.name}: ${isKnown ? "" : "at least "}${formatBytes(bytes)} to download${licence ?? ""}`);
  }

  /** What is left to download of a file; undefined if its size is not known. */
  async #bytesLeft(path: string): Promise<number | undefined> {
    const { file, listed } = await this.#fileAt(path);
    const kept = await openKept(file, this.options);
    await kept?.close();
    if (kept) return 0;
    if (!listed) return (await this.#stateOf(path))?.size;
    const { sha256 } = file;
    const begun = sha256 === undefined ? 0 : await bytesBegun({ ...file, sha256 }, this.options);
    return listed.size === undefined ? undefined : Math.max(0, listed.size - begun);
  }

  async #fileAt(path: string): Promise<{ readonly file: RemoteFile; readonly listed: ListedFile | undefined }> {
    checkInside(this.name, path);
    const listing = await this.#list();
    const listed = listing?.files.get(path);
    const file = this.#unlisted(path);
    if (listing && !listed) {
      throw new FileError(file.url, `${this.name} has no such file`, { code: "file/not-found" });
    }
    return { file: { ...file, sha256: listed?.sha256 }, listed };
  }

  /** A file as far as it is known without the list. */
  #unlisted(path: string): RemoteFile {
    return { url: this.site.urlOf(path), folder: this.options.folder, filename: this.#downloadName(path) };
  }

  #list(): Promise<HubListing | undefined> {
    return this.site.list(async () => (await this.#keptSize(FOLDER_INDEX)) !== undefined);
  }

  /** Files of several folders may be kept in one: the name has the whole path. */
  #downloadName(path: string): string {
    const whole = `${this.site.prefix}/${path}`;
    const name = whole.replaceAll("/", "--").replace(/[^\w.@-]+/g, "-");
    return name.length <= MAX_NAME ? name : `${shortHash(whole)}-${name.slice(-MAX_NAME)}`;
  }

  /** The state of a file on a server without a list; null if it does not exist. */
  async #stateOf(path: string): Promise<{ readonly size: number | undefined } | null> {
    const { sizes } = this.options.memory;
    const url = this.site.urlOf(path);
    const known = sizes.get(url);
    if (known !== undefined) return known;
    const state = await this.#ask(path, url);
    sizes.set(url, state);
    return state;
  }

  async #ask(path: string, url: string): Promise<{ readonly size: number | undefined } | null> {
    const size = await this.#keptSize(path);
    if (size !== undefined) return { size };
    const isDownloaded = (await this.#keptSize(FOLDER_INDEX)) !== undefined;
    try {
      // A server that could not be reached is not waited for again if there are files to use in its place.
      const isKept = isDownloaded && this.options.hosts?.has(url) === true;
      return await probe(url, patienceOf(this.options, isKept), this.options);
    } catch (error) {
      const isAbsent = error instanceof FileError && ABSENT.has(error.code);
      if (isAbsent && path === FOLDER_INDEX && this.site.notThere) throw this.site.notThere(error);
      if (isAbsent && error.code === "file/not-found") return null;
      if (!(error instanceof TransientError) || !isDownloaded) throw error;
      // Without its server, a folder has the files that were downloaded before.
      return null;
    }
  }

  async #keptSize(path: string): Promise<number | undefined> {
    const kept = await openKept(this.#unlisted(path), this.options);
    await kept?.close();
    return kept?.size;
  }
}
