import type { DecodedImage, Pixels } from "./image-types.js";
import type { ByteSource } from "./source.js";

/**
 * What differs between Node and the browser. `node.ts` and `browser.ts` each export every member by its name; the
 * import `#platform` is one or the other.
 *
 * A path is one of the file system in Node, and one of the origin's private file system in the browser.
 */
export interface Platform {
  /** Opens a file for reads by range; the caller closes it. Rejects with FileError. */
  readonly openFile: (path: string) => Promise<ByteSource>;
  /**
   * The whole of a file that has at most `maxBytes`; in Node also of an open pipe, by the name `/dev/stdin` or `/dev/fd/N`.
   * Rejects with FileError, and TooLargeError.
   */
  readonly readBytes: (path: string, maxBytes: number) => Promise<Uint8Array<ArrayBuffer>>;
  /** The same of a UTF-8 text. */
  readonly readText: (path: string, maxBytes: number) => Promise<string>;
  /**
   * Writes a file beside its place and moves it there once it is complete: a reader sees the old file or the new one.
   * Missing folders are made. When `data` or the disk fails, nothing is left behind.
   */
  readonly writeFileAtomic: (path: string, data: FileData) => Promise<void>;
  /** Opens a file to be written at any offset; what it holds is kept. Missing folders are made. Rejects with FileError. */
  readonly openWriter: (path: string) => Promise<FileWriter>;
  /** Undefined where there is no such file. */
  readonly statFile: (path: string) => Promise<FileStat | undefined>;
  /** Names of the files in a folder; none where it is missing. */
  readonly listFiles: (folder: string) => Promise<string[]>;
  readonly folderExists: (path: string) => Promise<boolean>;
  /** Moves a file in one step, over one that is there. False where `from` is missing. */
  readonly moveFile: (from: string, to: string) => Promise<boolean>;
  /** Removes a file, which may be missing. */
  readonly removeFile: (path: string) => Promise<void>;
  /** Runs one body of a name at a time: within this process in Node, among all tabs of the site in browsers. */
  readonly exclusively: <Result>(name: string, body: () => Promise<Result>) => Promise<Result>;
  readonly createSha256: () => Sha256;
  /** Browsers have no environment: undefined. */
  readonly environmentVariable: (name: string) => string | undefined;
  /** False in browsers: a header that CORS does not list asks for permission first, which most servers refuse. */
  readonly sendsAnyHeader: boolean;
  /** Folder for what was downloaded and can be again; it need not exist. `DALLE2_CACHE` names another one in Node. */
  readonly cacheFolder: () => string;
  /** The pixels of an image file (PNG, JPEG, WebP …), turned upright. Rejects with ImageDecodeError. */
  readonly decodeImage: (bytes: Uint8Array) => Promise<DecodedImage>;
  /**
   * An image file. `quality` is from 1 to 100, at which WebP is lossless. Rejects with ImageEncodeError where the system
   * has no encoder for the format, as some browsers have none for WebP.
   */
  readonly encodePixels: (image: Pixels, format: "jpeg" | "webp", quality: number) => Promise<Uint8Array<ArrayBuffer>>;
  /** Path or URL of a file that comes with this package, by its path in it. In browsers it lies on the server of the code. */
  readonly packageFile: (path: string) => string;
  readonly join: (...parts: string[]) => string;
  readonly dirname: (path: string) => string;
  readonly isAbsolute: (path: string) => boolean;
  /**
   * The entry point of WebGPU: `navigator.gpu` where it exists (browsers, Deno), else Dawn with the first Vulkan driver that
   * gives an adapter. Where no driver does, its `requestAdapter()` gives null.
   */
  readonly openWebGpu: (options?: WebGpuOptions) => Promise<GPU | NoWebGpu>;
  /** Name of the implementation behind an entry point: "Dawn", "wgpu" or "WebKit". */
  readonly implementationOf: (entry: GPU) => string;
  /** What to do on this system when no adapter was found, in a sentence or two. */
  readonly adapterAdvice: () => string;
  /** Bytes of the system's memory that this process may take, which is what software adapters have; undefined in browsers. */
  readonly systemMemory: () => number | undefined;
}

/** Nothing implements WebGPU here: what is missing, and what to do. */
export interface NoWebGpu {
  readonly missing: string;
  readonly advice: string;
  readonly cause?: unknown;
}

/** How WebGPU is opened; browsers have no choices. */
export interface WebGpuOptions {
  /**
   * Flags for Dawn (`backend=vulkan`, `enable-dawn-features=a,b`), which is taken then even where the runtime has a WebGPU of
   * its own; default: the words of `DALLE2_DAWN_FLAGS`.
   */
  readonly flags?: readonly string[];
  /** Looks for software drivers first. */
  readonly preferSoftware?: boolean;
}

/** A file's content, whole or in chunks that are written as they come. */
export type FileData = Uint8Array | AsyncIterable<Uint8Array>;

/** A file being written. */
export interface FileWriter {
  /** Rejects with FileError, where the disk is full too. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** What was written outlives the process from here on, and the system where that can be had. */
  close(): Promise<void>;
}

/** Length in bytes, and when it was last changed, in milliseconds since 1970. */
export interface FileStat {
  readonly size: number;
  readonly modified: number;
}

/** SHA-256 (FIPS 180-4) of bytes that come in parts. */
export interface Sha256 {
  update(bytes: Uint8Array): void;
  /** In lower-case hexadecimal. Nothing can be added after it. */
  digest(): string;
}
