// Files that are written aside under a hidden name, and what killed processes leave of them.
import { randomUUID } from "node:crypto";
import { readdirSync, statSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isSystemError } from "./node-error.js";

const ASIDE = /^\.?(.+)\.[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\.tmp$/;

/** A name beside a file, hidden from who lists or watches the folder, under which the file is written. */
export function asideOf(file: string): string {
  return join(dirname(file), `.${basename(file)}.${randomUUID()}.tmp`);
}

/**
 * Removes files that were being written aside and were not written to for `age` milliseconds: their processes were killed.
 * `isChosen` is given the name that a file was to have. What cannot be removed stays.
 */
export function removeStale(folder: string, age: number, isChosen: (name: string) => boolean): void {
  for (const entry of listed(folder)) {
    const name = ASIDE.exec(entry)?.[1];
    if (name === undefined || !isChosen(name)) continue;
    try {
      const file = join(folder, entry);
      if (Date.now() - statSync(file).mtimeMs >= age) unlinkSync(file);
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
  }
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isSystemError(error)) return [];
    throw error;
  }
}
