// Temporary files: files that are first written under a hidden name, and removing those that killed processes left.
import { createHash, randomUUID } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync, rmSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import process from "node:process";
import { FileError } from "./errors.js";
import { fileError, isSystemError } from "./node-error.js";

/** The file's name, then a UUID whose first part identifies the machine and whose last part is the process ID. */
const TEMPORARY_NAME = /^\.?(.+)\.([\da-f]{8})(?:-[\da-f]{4}){3}-([\da-f]{12})\.tmp$/;

/** The hidden name, in the same folder, under which a file is first written. */
export function temporaryPath(file: string): string {
  const random = randomUUID().slice(8, 24);
  const id = `${machine()}${random}${process.pid.toString(16).padStart(12, "0")}`;
  return join(dirname(file), `.${basename(file)}.${id}.tmp`);
}

/**
 * Removes temporary files of killed processes: files of processes on this machine that have ended, and files that were not
 * written to for `age` milliseconds. `isChosen` gets the final name of a file. Files that cannot be removed stay.
 */
export function removeStale(folder: string, age: number, isChosen: (name: string) => boolean): void {
  for (const entry of listed(folder)) {
    const [, name, where, pid] = TEMPORARY_NAME.exec(entry) ?? [];
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
 * Checks that files can be written in a folder or, if it does not exist, in its nearest existing parent. Leaves no file.
 * Throws `FileError` if not: a file has a folder's name, the disk is read-only, or the file system takes no files, as /proc.
 */
export function tryFolder(folder: string): void {
  const present = nearest(resolve(folder));
  const problem = "no files can be written there";
  if (!present.isFolder) {
    throw new FileError(folder, `${problem}: ${present.path} is not a folder`, { advice: "choose another name" });
  }
  const trial = temporaryPath(join(present.path, "trial.png"));
  try {
    writeFileSync(trial, "", { flag: "wx" });
    rmSync(trial, { force: true });
  } catch (cause) {
    if (!isSystemError(cause) || cause.code !== "ENOENT") throw fileError(folder, problem, cause);
    const refused = `${problem}: the file system of ${present.path} takes no new files`;
    throw new FileError(folder, refused, { cause, advice: "choose another folder" });
  }
}

/** The path itself or, if it does not exist, its nearest existing parent. */
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

/** Identifies the machine or container whose process IDs include this process. */
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
    // If the machine cannot be identified, this process gets an ID of its own, so only the age of files counts.
    return [randomUUID()];
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process belongs to another user, but it runs.
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
