import { sayBytes } from "../stage/words.js";

/** The size of a model in words, to a tenth of a gigabyte. */
export function saySize(bytes: number): string {
  return bytes < 1e9 ? sayBytes(bytes) : `${(bytes / 1e9).toFixed(1)} GB`;
}
