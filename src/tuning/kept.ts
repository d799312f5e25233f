import { cacheFolder, join, readText, removeFile, statFile, writeFileAtomic } from "#platform";
import * as z from "zod/mini";
import { ConfigError, parseConfig } from "../config/config-error.js";
import { ifExists, shortHash } from "../files/hash.js";
import type { AdapterDescription } from "../gpu/adapter.js";
import type { TuningSource } from "../gpu/open.js";
import { isUnmeasured, type TuningTable } from "../gpu/tuning.js";
import { Dalle2Error } from "../platform/dalle2-error.js";
import { jsonProblem, parseJson } from "../platform/json.js";
import { MAX_BYTES } from "../platform/limits.js";
import { warnOnConsole } from "../platform/printable.js";
import { parseTuningTable } from "./table.js";

/** Options of `keptTuning`. */
export interface KeptTuningOptions {
  /**
   * Measures a table, in at most 2 seconds, if none is kept and the driver is a software driver that no shipped table was
   * measured on; keeps it. Default: true.
   */
  readonly probes?: boolean;
  /** Called if a kept table cannot be used, or a measured one cannot be kept. Default: `console.warn`. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Finds the table that `dalle2 tune` or `keepTuning` kept for the adapter that is opened: in the user's cache, in browsers in
 * the origin private file system.
 *
 * @example
 * using gpu = await openGpu({ tuning: keptTuning() });
 */
export function keptTuning({ probes = true, onWarning = warnOnConsole }: KeptTuningOptions = {}): TuningSource {
  return async (gpu) => {
    const { adapter } = gpu;
    const kept = await readKeptTuning(adapter).catch(warn(onWarning));
    if (kept || !probes || !isUnmeasured(adapter)) return kept;
    const { probeTable } = await import("./probe.js");
    const table = await probeTable(gpu);
    await keepTuning(adapter, table).catch(warn(onWarning));
    return table;
  };
}

/** Passes on errors of the library as warnings: a table only makes kernels faster. */
function warn(onWarning: (message: string) => void): (error: unknown) => undefined {
  return (error) => {
    if (!(error instanceof Dalle2Error)) throw error;
    onWarning(error.message);
  };
}

const keptFile = z.object({ table: z.unknown() });

/** The table that is kept for an adapter; undefined if there is none. Rejects with `ConfigError` if it cannot be used. */
export async function readKeptTuning(adapter: AdapterDescription): Promise<TuningTable | undefined> {
  const file = keptTuningFile(adapter);
  const text = await ifExists(file, () => readText(file, MAX_BYTES.record));
  return text === undefined ? undefined : parseTuningText(text, file);
}

/** Reads a table from a file that `dalle2 tune` kept. Rejects with `FileError` or `ConfigError`. */
export async function readTuningFile(file: string): Promise<TuningTable> {
  return parseTuningText(await readText(file, MAX_BYTES.record), file);
}

function parseTuningText(text: string, file: string): TuningTable {
  return parseTuningTable(parseConfig(keptFile, readJson(text, file), file).table, file);
}

function readJson(text: string, file: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new ConfigError(`${file} ${jsonProblem(cause)}`, { cause });
  }
}

/** Keeps a table for an adapter, and returns the file that it is in. Rejects with `FileError`. */
export async function keepTuning(adapter: AdapterDescription, table: TuningTable): Promise<string> {
  const file = keptTuningFile(adapter);
  const content = { adapter: Object.fromEntries(KEY.map((name) => [name, adapter[name]])), table };
  await writeFileAtomic(file, new TextEncoder().encode(`${JSON.stringify(content, null, 2)}\n`));
  return file;
}

/** Removes the table that is kept for an adapter, so that the shipped one is used. Returns false if there was none. */
export async function forgetTuning(adapter: AdapterDescription): Promise<boolean> {
  const file = keptTuningFile(adapter);
  const exists = (await statFile(file)) !== undefined;
  await removeFile(file);
  return exists;
}

/** What a table was measured on. The driver's version is in `description`. Firefox says nothing but the last two. */
const KEY = ["vendor", "architecture", "device", "description", "implementation", "isSoftware"] as const;

function keptTuningFile(adapter: AdapterDescription): string {
  return join(cacheFolder(), `tuning-${shortHash(JSON.stringify(KEY.map((name) => adapter[name])))}.json`);
}
