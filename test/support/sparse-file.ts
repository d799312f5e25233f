import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import type { Sparse } from "./zip.js";

/** Writes a file of any size that takes space on the disk only for its parts. */
export function writeSparse(path: string, { parts, size }: Sparse): void {
  const file = openSync(path, "w");
  try {
    ftruncateSync(file, size);
    for (const { at, bytes } of parts) writeSync(file, bytes, 0, bytes.length, at);
  } finally {
    closeSync(file);
  }
}
