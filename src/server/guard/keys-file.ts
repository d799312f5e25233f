// The file that keys are kept in.
import { open, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { FileError } from "../../platform/errors.js";
import { parseJson, JsonError } from "../../platform/json.js";
import { fileError, isSystemError } from "../../platform/node-error.js";
import { makeFolder } from "../../platform/node-folder.js";
import { temporaryPath } from "../../platform/node-temporary-files.js";
import { readText } from "../../platform/node.js";

const count = z.int().min(1);

const limitsSchema = z
  .strictObject({
    requestsPerMinute: count,
    imagesPerHour: count,
    uploadBytesPerHour: count,
    concurrentRequests: count,
    imagesPerRequest: count,
  })
  .partial();

const keySchema = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{8}$/),
  name: z.string().min(1).max(100),
  /** SHA-256 of the token. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Limits that differ from the server's. */
  limits: limitsSchema.optional(),
  /** Whether it may read `/metrics`. */
  readsMetrics: z.boolean().optional(),
  created: z.iso.datetime(),
  /** When it was revoked. */
  revoked: z.iso.datetime().optional(),
});

const fileSchema = z.strictObject({ version: z.literal(1), keys: z.array(keySchema).max(100_000) });

/** A key as it is kept: without its token. */
export type StoredKey = z.infer<typeof keySchema>;

const MAX_FILE_BYTES = 64 * 2 ** 20;

/** Where keys are kept by default: `DALLE2_KEYS`, else `dalle2/keys.json` in the user's folder for configuration. */
export function defaultKeysFile(env: NodeJS.ProcessEnv = process.env): string {
  const { DALLE2_KEYS: file = "", XDG_CONFIG_HOME: folder = "" } = env;
  if (file !== "") return file;
  return join(folder === "" ? join(homedir(), ".config") : folder, "dalle2", "keys.json");
}

/** Reads the keys of a file; undefined if there is no file. Rejects with `FileError` if it has another form. */
export async function readKeys(path: string): Promise<readonly StoredKey[] | undefined> {
  const found = await stat(path).catch((cause: unknown) => {
    if (isSystemError(cause) && cause.code === "ENOENT") return undefined;
    throw fileError(path, "could not be looked up", cause);
  });
  return found && keysOf(path, await readText(path, MAX_FILE_BYTES));
}

function keysOf(path: string, text: string): readonly StoredKey[] {
  const broken = (problem: string, cause: unknown): FileError =>
    new FileError(path, `is not a file of keys: ${problem}`, { cause, advice: "restore it, or create keys anew" });
  let data: unknown;
  try {
    data = parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw broken(`it ${error.message}`, error);
  }
  const { success, data: file, error } = fileSchema.safeParse(data);
  if (success) return file.keys;
  const [first] = error.issues;
  throw broken(`${first?.path.join(".") ?? ""}: ${first?.message ?? ""}`, error);
}

/**
 * Changes the keys of a file. One process at a time does; the file is replaced whole, and only its user can read it. Rejects with
 * `FileError`.
 */
export async function changeKeys(
  path: string,
  change: (keys: readonly StoredKey[]) => readonly StoredKey[],
): Promise<void> {
  try {
    await makeFolder(dirname(path));
  } catch (cause) {
    throw fileError(path, "could not be written", cause);
  }
  const lock = `${path}.lock`;
  await takeLock(path, lock);
  try {
    const keys = change((await readKeys(path)) ?? []);
    await replace(path, `${JSON.stringify({ version: 1, keys }, null, 2)}\n`);
  } finally {
    await rm(lock, { force: true });
  }
}

/** A process that changes keys needs milliseconds. An older lock is of a process that was killed. */
const LOCK_MS = 10_000;

async function takeLock(path: string, lock: string): Promise<void> {
  for (;;) {
    try {
      await (await open(lock, "wx", 0o600)).close();
      return;
    } catch (cause) {
      if (!isSystemError(cause) || cause.code !== "EEXIST") throw fileError(path, "could not be locked", cause);
    }
    const found = await stat(lock).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > LOCK_MS) await rm(lock, { force: true });
    else await wait(20);
  }
}

async function replace(path: string, text: string): Promise<void> {
  const temporary = temporaryPath(path);
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, "wx", 0o600);
    await handle.writeFile(text);
    await handle.sync();
    await handle.close();
    await rename(temporary, path);
  } catch (cause) {
    await handle?.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw fileError(path, "could not be written", cause);
  }
}
