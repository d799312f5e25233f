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
  /** The whole of a UTF-8 text file. Rejects with FileError. */
  readonly readText: (path: string) => Promise<string>;
  /**
   * Writes a file beside its place and moves it there once it is complete: a reader sees the old file or the new one.
   * Missing folders are made. When `data` or the disk fails, nothing is left behind.
   */
  readonly writeFileAtomic: (path: string, data: FileData) => Promise<void>;
  /** Folder for what was downloaded and can be again; it need not exist. `DALLE2_CACHE` names another one in Node. */
  readonly cacheFolder: () => string;
  /** The pixels of a picture file (PNG, JPEG, WebP …), turned upright. Rejects with ImageDecodeError. */
  readonly decodeImage: (bytes: Uint8Array) => Promise<DecodedImage>;
  /**
   * A picture file. `quality` is from 1 to 100, at which WebP is lossless. Rejects with ImageEncodeError where the system
   * has no encoder for the format, as some browsers have none for WebP.
   */
  readonly encodePicture: (image: Pixels, format: "jpeg" | "webp", quality: number) => Promise<Uint8Array<ArrayBuffer>>;
  readonly join: (...parts: string[]) => string;
  readonly dirname: (path: string) => string;
  readonly isAbsolute: (path: string) => boolean;
  /**
   * The entry point of WebGPU: in Node, Dawn with the first Vulkan driver that gives an adapter. Where no driver does, its
   * `requestAdapter()` gives null; a page without WebGPU rejects.
   */
  readonly openWebGpu: (options?: WebGpuOptions) => Promise<GPU>;
  /** What to do on this system when no adapter was found, in a sentence or two. */
  readonly adapterAdvice: () => string;
}

/** How WebGPU is opened; browsers have no choices. */
export interface WebGpuOptions {
  /** Flags for Dawn (`backend=vulkan`, `enable-dawn-features=a,b`); default: the words of `DALLE2_DAWN_FLAGS`. */
  readonly flags?: readonly string[];
}

/** A file's content, whole or in chunks that are written as they come. */
export type FileData = Uint8Array | AsyncIterable<Uint8Array>;
