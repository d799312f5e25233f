import { closeSync, constants, fstatSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { isMainThread } from "node:worker_threads";

const STDERR = 2;
const { O_APPEND, O_NOCTTY, O_RDWR, O_WRONLY } = constants;

/** Work of other threads that may open files, by its name among the active resources of Node. */
const OPENS_FILES = /^(FS|FileHandle|GetAddrInfo|Query|Worker|MessagePort|Zlib)/i;

/**
 * Runs `body` and drops the lines that match `unwanted` from what native code writes to standard error meanwhile; other
 * lines are written when it has ended. Native code writes to the file descriptor itself, so that another file stands in its
 * place as long. Where that could do harm, all lines pass: see `canReplace`.
 */
export function withoutLines<T>(unwanted: RegExp, body: () => T): T {
  const place = canReplace() ? openPlace() : undefined;
  if (!place) return body();
  const { original, flags, capture } = place;
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
 * Terminals and pipes can be opened once more by their path in /proc, which is how they come back. Not so sockets, and a
 * regular file would be written from its start. Node cannot replace a descriptor in one step: no other thread may open a
 * file between the two that it takes.
 */
function canReplace(): boolean {
  if (process.platform !== "linux" || !isMainThread) return false;
  return !process.getActiveResourcesInfo().some((name) => OPENS_FILES.test(name));
}

interface Place {
  /** Standard error, opened once more with `flags`. */
  readonly original: number;
  readonly flags: number;
  /** An empty file without a name. */
  readonly capture: number;
}

function openPlace(): Place | undefined {
  let original: number | undefined;
  try {
    const kind = fstatSync(STDERR);
    if (!kind.isCharacterDevice() && !kind.isFIFO()) return undefined;
    // A pipe that is open for reading here would never say that its reader has gone.
    const flags = (kind.isFIFO() ? O_WRONLY : O_RDWR) | O_NOCTTY;
    original = openSync(pathOf(STDERR), flags);
    const file = join(tmpdir(), `dalle2-${process.pid}-${Date.now()}.log`);
    const capture = openSync(file, "ax+", 0o600);
    unlinkSync(file);
    return { original, flags, capture };
  } catch {
    // Somebody else's terminal, or nowhere to write: the lines are shown.
    if (original !== undefined) closeSync(original);
    return undefined;
  }
}

/** Has standard error lead where another descriptor does: a file takes the lowest number that is free. */
function replaceStderr(by: number, flags: number): void {
  closeSync(STDERR);
  openSync(pathOf(by), flags);
}

function pathOf(descriptor: number): string {
  return `/proc/self/fd/${descriptor}`;
}
