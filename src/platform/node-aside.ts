// Files that are written aside under a hidden name, and what killed processes leave of them.
import { createHash, randomUUID } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync, rmSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import process from "node:process";
import { FileError } from "./errors.js";
import { fileError, isSystemError } from "./node-error.js";

/** The file's own name, then a UUID whose first part is of the machine, and whose last is the process's number. */
const ASIDE = /^\.?(.+)\.([\da-f]{8})(?:-[\da-f]{4}){3}-([\da-f]{12})\.tmp$/;

/** A name beside a file, hidden from who lists or watches the folder, under which the file is written. */
export function asideOf(file: string): string {
  const random = randomUUID().slice(8, 24);
  const id = `${machine()}${random}${process.pid.toString(16).padStart(12, "0")}`;
  return join(dirname(file), `.${basename(file)}.${id}.tmp`);
}

/**
 * Removes files that were being written aside by processes that were killed: those of this machine that run no more, and
 * what was not written to for `age` milliseconds. `isChosen` is given the name that a file was to have. What cannot be
 * removed stays.
 */
export function removeStale(folder: string, age: number, isChosen: (name: string) => boolean): void {
  for (const entry of listed(folder)) {
    const [, name, where, pid] = ASIDE.exec(entry) ?? [];
    if (name === undefined || !isChosen(name)) continue;
    const isDead = where === machine() && !isRunning(parseInt(pid!, 16));
    try {
      const file = join(folder, entry);
      if (isDead || Date.now() - statSync(file).mtimeMs >= age) unlinkSync(file);
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
  }
}

/**
 * Tries whether files can be written in a folder, or in the nearest that is there of those it is to be made in. Leaves
 * nothing behind. Throws `FileError` where they cannot: a file has a folder's name, the disk can only be read, or it is one
 * such as /proc that takes no files.
 */
export function tryFolder(folder: string): void {
  const present = nearest(resolve(folder));
  const problem = "no files can be written there";
  if (!present.isFolder) {
    throw new FileError(folder, `${problem}: ${present.path} is not a folder`, { advice: "choose another name" });
  }
  const trial = asideOf(join(present.path, "trial.png"));
  try {
    writeFileSync(trial, "", { flag: "wx" });
    rmSync(trial, { force: true });
  } catch (cause) {
    if (!isSystemError(cause) || cause.code !== "ENOENT") throw fileError(folder, problem, cause);
    const refused = `${problem}: the file system of ${present.path} takes no new files`;
    throw new FileError(folder, refused, { cause, advice: "choose another folder" });
  }
}

/** The path itself, or the nearest that is there of the folders it is in. */
function nearest(path: string): { readonly path: string; readonly isFolder: boolean } {
  try {
    return { path, isFolder: statSync(path).isDirectory() };
  } catch (cause) {
    const isMissing = isSystemError(cause) && (cause.code === "ENOENT" || cause.code === "ENOTDIR");
    if (!isMissing || dirname(path) === path) throw fileError(path, "could not be looked up", cause);
    return nearest(dirname(path));
  }
}

let machineId: string | undefined;

/** Names the set of processes that this one's number is one of: another container has numbers of its own. */
function machine(): string {
  machineId ??= createHash("sha256").update(machineFacts().join("\n")).digest("hex").slice(0, 8);
  return machineId;
}

function machineFacts(): readonly string[] {
  if (process.platform !== "linux") return [hostname()];
  try {
    return [hostname(), readFileSync("/proc/sys/kernel/random/boot_id", "utf8"), readlinkSync("/proc/self/ns/pid")];
  } catch (error) {
    if (!isSystemError(error)) throw error;
    // Where processes cannot be told apart, no other process takes this one's name, and age alone decides.
    return [randomUUID()];
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user runs, too.
    return !isSystemError(error) || error.code !== "ESRCH";
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
