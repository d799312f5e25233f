import type { Handler } from "hono";
import type { ServerEnv } from "../context.js";

/** Formats of kept images. */
export const RESULT_TYPES = { png: "image/png", jpeg: "image/jpeg", webp: "image/webp" } as const;
/** A key of `RESULT_TYPES`. */
export type ResultFormat = keyof typeof RESULT_TYPES;

/** Path of the route of kept images: `Results.url` leads there. */
export const RESULTS_ROUTE = "/v1/results/:file";

/** A file in a store. */
export interface StoredFile {
  readonly key: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/**
 * Keeps files by key: in memory, in a folder, or in a bucket. A key has small letters, digits, `-`, `.`, and `/` between its parts.
 * A file is written whole or not at all. Methods reject with `StoreError` or an error of the system.
 */
export interface FileStore {
  put(key: string, bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<void>;
  /** Undefined if there is no such file. */
  get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Removes a file if it exists. */
  remove(key: string): Promise<void>;
  /** The files whose keys begin so, in no order. */
  list(prefix: string): AsyncIterable<StoredFile>;
}

/** Keeps finished images for a time, and serves them by signed URLs. */
export interface Results {
  readonly store: FileStore;
  /** Keeps an image file and returns its id. It is removed after the time that results are kept. */
  keep(bytes: Uint8Array<ArrayBuffer>, format: ResultFormat): Promise<string>;
  /** Undefined if there is no such result or its time is over. */
  get(id: string, format: ResultFormat): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** The signed URL of a result, on the server that `base` names (`http://host:port`). It expires when the result does. */
  url(id: string, format: ResultFormat, base: string): string;
  /** Serves `GET RESULTS_ROUTE`, by the signature of the URL alone. */
  readonly handler: Handler<ServerEnv>;
  /** Removes what is over time, and the oldest above the bounds. Runs by itself every few minutes, too. */
  sweep(): Promise<void>;
  close(): void;
}
