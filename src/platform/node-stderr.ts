import { closeSync, constants, fstatSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { isMainThread } from "node:worker_threads";

const STDERR = 2;
const { O_APPEND, O_NOCTTY, O_RDWR, O_WRONLY } = constants;

/** Node's active resources, by name, in which other threads may open files. */
const OPENS_FILES = /^(FS|FileHandle|GetAddrInfo|Query|Worker|MessagePort|Zlib)/i;

/**
 * Runs `body` and drops lines that match `unwanted` from what native code writes to standard error meanwhile. Other lines are
 * written after `body` has ended. Native code writes directly to the file descriptor, so the descriptor is redirected to a file
 * for that time. If redirecting could do harm, all lines are written: see `canReplace`.
 */
export function withoutLines<T>(unwanted: RegExp, body: () => T): T {
  const redirection = canReplace() ? openRedirection() : undefined;
  if (!redirection) return body();
  const { original, flags, capture } = redirection;
  replaceStderr(capture, O_WRONLY | O_APPEND);
  try {
    return body();
  } finally {
    replaceStderr(original, flags);
    const text = readFileSync(pathOf(capture), "utf8");
    closeSync(original);
    closeSync(capture);
    const kept = text.split(/(?<=\n)/).filter((line) => !unwanted.test(line));
    if (kept.length > 0) writeSync(STDERR, kept.join(""));
  }
}

/**
 * Whether standard error can be redirected and restored. It is restored by opening its path in /proc again. That works for
 * terminals and pipes, but not for sockets, and a regular file would be overwritten from its start. Node cannot replace a
 * descriptor atomically, so no other thread may open a file between closing and opening it.
 */
function canReplace(): boolean {
  if (process.platform !== "linux" || !isMainThread) return false;
  return !process.getActiveResourcesInfo().some((name) => OPENS_FILES.test(name));
}

interface Redirection {
  /** Standard error, opened again with `flags`. */
  readonly original: number;
  readonly flags: number;
  /** An unlinked temporary file. */
  readonly capture: number;
}

function openRedirection(): Redirection | undefined {
  let original: number | undefined;
  try {
    const kind = fstatSync(STDERR);
    if (!kind.isCharacterDevice() && !kind.isFIFO()) return undefined;
    // If this process opened the pipe for reading, it would never notice that the other reader has closed it.
    const flags = (kind.isFIFO() ? O_WRONLY : O_RDWR) | O_NOCTTY;
    original = openSync(pathOf(STDERR), flags);
    const file = join(tmpdir(), `dalle2-${process.pid}-${Date.now()}.log`);
    const capture = openSync(file, "ax+", 0o600);
    unlinkSync(file);
    return { original, flags, capture };
  } catch {
    // Another user's terminal, or no writable temporary folder: all lines are written.
    if (original !== undefined) closeSync(original);
    return undefined;
  }
}

/** Redirects standard error to the file of another descriptor. A new file gets the lowest free descriptor, which is 2 here. */
function replaceStderr(by: number, flags: number): void {
  closeSync(STDERR);
  openSync(pathOf(by), flags);
}

function pathOf(descriptor: number): string {
  return `/proc/self/fd/${descriptor}`;
}
