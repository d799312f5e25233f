import type { FileWriter } from "./file-writer.js";
import type { DecodedImage, Pixels } from "./image-types.js";
import type { ByteSource } from "./source.js";

/**
 * What differs between Node and browsers. `node.ts` and `browser.ts` each export every member by its name; the import
 * `#platform` is one of them.
 *
 * A path is in the file system in Node, and in the origin private file system in browsers.
 */
export interface Platform {
  /** Opens a file for reads by range; the caller closes it. Rejects with FileError. */
  readonly openFile: (path: string) => Promise<ByteSource>;
  /**
   * Reads a whole file of at most `maxBytes`. In Node also an open pipe, named `/dev/stdin` or `/dev/fd/N`. Rejects with
   * FileError or TooLargeError.
   */
  readonly readBytes: (path: string, maxBytes: number) => Promise<Uint8Array<ArrayBuffer>>;
  /** The same for UTF-8 text. */
  readonly readText: (path: string, maxBytes: number) => Promise<string>;
  /**
   * Writes a temporary file and moves it to its name once it is complete: readers see the old file or the new one. Makes
   * missing folders. If `data` or the disk fails, nothing is left behind.
   */
  readonly writeFileAtomic: (path: string, data: FileData) => Promise<void>;
  /**
   * Opens a file to write at any offset. Existing content is kept. Makes a missing file and missing folders, unless it `mustExist`.
   * Rejects with FileError.
   */
  readonly openWriter: (path: string, options?: { readonly mustExist?: boolean }) => Promise<FileWriter>;
  /** Undefined if there is no such file. */
  readonly statFile: (path: string) => Promise<FileStat | undefined>;
  /** Names of the files in a folder; none if the folder does not exist. */
  readonly listFiles: (folder: string) => Promise<string[]>;
  readonly folderExists: (path: string) => Promise<boolean>;
  /** Moves a file in one step and replaces an existing one. False if `from` does not exist. */
  readonly moveFile: (from: string, to: string) => Promise<boolean>;
  /** Removes a file if it exists. */
  readonly removeFile: (path: string) => Promise<void>;
  /**
   * Runs functions with the same name one after the other: within this process in Node, among all tabs of the site in
   * browsers. The signal ends the wait.
   */
  readonly exclusively: <Result>(name: string, body: () => Promise<Result>, signal?: AbortSignal) => Promise<Result>;
  /** False where nothing can be stored, as in private windows of some browsers. */
  readonly canKeepFiles: () => Promise<boolean>;
  /** True in browsers: `exclusively` is among all that may write the files. In Node, other processes may. */
  readonly locksFiles: boolean;
  /**
   * Holds a file until the returned function is called: meanwhile `unlessHeld` does nothing, in all tabs of the site. Has no
   * effect in Node, where an open file stays readable if it is replaced or removed.
   */
  readonly holdFile: (path: string) => Promise<() => void>;
  /** Runs a function that replaces or removes a file. Undefined if someone holds the file, of which nothing is run. */
  readonly unlessHeld: <Result>(path: string, body: () => Promise<Result>) => Promise<Result | undefined>;
  /** Whether someone holds the file. */
  readonly isHeld: (path: string) => Promise<boolean>;
  /** Bytes that can be written in a folder: free on the disk, or left of the site's quota. Undefined if it is not known. */
  readonly freeBytes: (folder: string) => Promise<number | undefined>;
  /** True in browsers: all folders share the quota of the site. In Node, each may be on a disk of its own. */
  readonly sharesQuota: boolean;
  /** True if `openWriter` writes to a copy of the file, as in pages without a worker. */
  readonly writesToCopy: () => boolean;
  /**
   * Asks that the files are not removed when the disk gets full; once, later calls have the same answer. A browser may ask
   * the user, who may never answer. Undefined where nothing can be asked: in Node, and in workers.
   */
  readonly askPersistence: () => Promise<boolean> | undefined;
  /** Whether files are kept even when the disk gets full. Undefined if it is not known. */
  readonly isPersistent: () => Promise<boolean | undefined>;
  /** Says where downloads are kept, and how to list and clear them. */
  readonly noteOnDownloads: (folder: string) => string;
  /** What makes room for downloads here. */
  readonly spaceAdvice: string;
  readonly createSha256: () => Sha256;
  /** The value of an environment variable; undefined in browsers. */
  readonly environmentVariable: (name: string) => string | undefined;
  /** Whether there are environment variables, to hold tokens. False in browsers, and a page should not hold a token. */
  readonly hasEnvironment: boolean;
  /** How to get a file that its server refuses to send. */
  readonly refusedFileAdvice: string;
  /** False in browsers: headers that CORS does not list need permission, which most servers refuse. */
  readonly sendsAnyHeader: boolean;
  /** What relative paths start from, for messages: "the working directory"; in browsers the root of their private file system. */
  readonly relativeRoot: string;
  /** How to name files that no path names, for messages; undefined in Node. */
  readonly otherFilesAdvice: string | undefined;
  /** True in browsers: a file beside a config on a server is kept like a download, because a page has nothing else offline. */
  readonly keepsRelativeFiles: boolean;
  /**
   * Why a fetch may have failed without an answer. Browsers tell pages nothing, so this asks again in a way that needs no
   * permission. Undefined in Node, whose errors have the reason.
   */
  readonly explainFailedFetch: (url: string, options: FailedFetch) => Promise<FetchProblem | undefined>;
  /** Folder for downloads, which may not exist yet. `DALLE2_CACHE` names another one in Node. */
  readonly cacheFolder: () => string;
  /**
   * Folder in which Hugging Face's own libraries keep downloads, which may not exist: `HF_HUB_CACHE`, else `hub` in `HF_HOME`.
   * Undefined in browsers.
   */
  readonly hubCacheFolder: () => string | undefined;
  /** Decodes an image file (PNG, JPEG, WebP …) and turns it upright. Rejects with ImageDecodeError. */
  readonly decodeImage: (bytes: Uint8Array) => Promise<DecodedImage>;
  /**
   * Encodes an image. `quality` is from 1 to 100; WebP is lossless at 100. Rejects with ImageEncodeError if the system has
   * no encoder for the format, as some browsers have none for WebP.
   */
  readonly encodePixels: (image: Pixels, format: "jpeg" | "webp", quality: number) => Promise<Uint8Array<ArrayBuffer>>;
  /** Path or URL of a file that comes with this package, by its path in it. In browsers it lies on the server of the code. */
  readonly packageFile: (path: string) => string;
  readonly join: (...parts: string[]) => string;
  readonly dirname: (path: string) => string;
  readonly isAbsolute: (path: string) => boolean;
  /**
   * Opens WebGPU: `navigator.gpu` if it exists (browsers, Deno), else Dawn with the first Vulkan driver that has an adapter.
   * If no driver has one, its `requestAdapter()` gives null.
   */
  readonly openWebGpu: (options?: WebGpuOptions) => Promise<GPU | NoWebGpu>;
  /**
   * Waits for work of a device of Dawn. In Node the thread sleeps meanwhile, at most 1 ms in a turn of the event loop: Dawn's
   * binding would take a whole core.
   */
  readonly waitForDawn: <Result>(work: Promise<Result>) => Promise<Result>;
  /** Name of the implementation behind an entry point: "Dawn", "wgpu" or "WebKit". */
  readonly implementationOf: (entry: GPU) => string;
  /** What to do on this system if no adapter was found, in a sentence or two. */
  readonly adapterAdvice: () => string;
  /** Bytes of system memory that this process may use, which software adapters share; undefined in browsers. */
  readonly systemMemory: () => number | undefined;
  /**
   * How many further devices should compile kernels beside the first, where drivers compile in one thread for each device and keep
   * what they compiled: one for each further processor, at most three.
   */
  readonly compilingDevices: () => number;
  /** Milliseconds of processor time that this process has used, over all its threads; undefined in browsers. */
  readonly processorTime: () => number | undefined;
}

/** Nothing implements WebGPU here: what is missing, and what to do. */
export interface NoWebGpu {
  readonly missing: string;
  readonly advice: string;
  readonly cause?: unknown;
}

/** How to open WebGPU. Browsers ignore it. */
export interface WebGpuOptions {
  /**
   * Flags for Dawn (`backend=vulkan`, `enable-dawn-features=a,b`), which is then used even if the runtime has a WebGPU of
   * its own. Default: the words of `DALLE2_DAWN_FLAGS`.
   */
  readonly flags?: readonly string[];
  /** Tries software drivers first. */
  readonly preferSoftware?: boolean;
}

/** A fetch that failed without an answer. */
export interface FailedFetch {
  readonly fetch: typeof fetch;
  readonly signal?: AbortSignal | undefined;
}

/** Why a fetch failed. */
export interface FetchProblem {
  readonly problem: string;
  readonly advice: string;
  /** True if the browser or the server refuses, so that trying again does not help. */
  readonly isRefusal: boolean;
}

/** The content of a file, whole or in chunks. */
export type FileData = Uint8Array | AsyncIterable<Uint8Array>;

/** Length in bytes and time of the last change, in milliseconds since 1970. */
export interface FileStat {
  readonly size: number;
  readonly modified: number;
}

/** SHA-256 (FIPS 180-4) of bytes in parts. */
export interface Sha256 {
  update(bytes: Uint8Array): void;
  /** The hash in lower-case hexadecimal. Nothing can be added after it. */
  digest(): string;
}
