// Files that are written aside under a hidden name, and what killed processes leave of them.
import { createHash, randomUUID } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync, rmSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { FileError } from "./errors.js";
import { fileError, isSystemError } from "./node-error.js";
import { makeFolder } from "./node-folder.js";

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
 * Makes a folder where it is missing, and tries whether files can be written in it. Rejects with `FileError` where they
 * cannot: a file has its name, the disk is read-only, or it is one such as /proc that takes no files.
 */
export async function tryFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    // The name of an image, so that it is removed with those where the process is killed right now.
    const trial = asideOf(join(folder, "trial.png"));
    writeFileSync(trial, "", { flag: "wx" });
    rmSync(trial, { force: true });
  } catch (cause) {
    throw folderError(folder, cause);
  }
}

/** Also says what the system's own words do not say of a folder that was to be made. */
function folderError(folder: string, cause: unknown): FileError {
  const problem = "no files can be written in this folder";
  const reason = isSystemError(cause) ? REFUSALS[cause.code ?? ""] : undefined;
  if (reason === undefined) return fileError(folder, problem, cause);
  return new FileError(folder, `${problem}: ${reason}`, { cause, advice: "choose another folder" });
}

const REFUSALS: Readonly<Record<string, string>> = {
  ENOENT: "the file system takes no new files or folders there",
  EEXIST: "a file has the name of the folder",
};

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
