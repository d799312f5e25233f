import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import { join } from "node:path";
import type { AdapterDescription } from "../../src/gpu/adapter.js";
import { labelOf } from "./adapters.js";
import type { Build } from "./build.js";

/** Where and when something was measured. */
export interface Circumstances {
  readonly adapter: AdapterDescription;
  /** See `labelOf`. */
  readonly label: string;
  readonly processor: string;
  readonly cores: number;
  readonly date: string;
  readonly commit: string;
  /** Commit of the older build, if one took part. */
  readonly against: string | null;
  /** Id of the table of kernel variants. */
  readonly table: string | null;
  readonly node: string;
  /** Versions of other runtimes that took part. */
  readonly versions: Readonly<Record<string, string>>;
  /** Average number of waiting threads in the minute before the group, and in its last minute. */
  readonly load: readonly [before: number, after: number];
}

export interface GroupResult<Row> extends Circumstances {
  readonly group: string;
  readonly rows: readonly Row[];
}

interface NamedRow {
  readonly name: string;
}

export const load = (): number => loadavg()[0]!;

export interface Taking {
  readonly adapter: AdapterDescription;
  readonly build: Build;
  readonly against?: Build | undefined;
  readonly table?: string | undefined;
  readonly versions?: Readonly<Record<string, string>>;
  readonly loadBefore: number;
}

/** What is known when a group ends. */
export function circumstances({ adapter, build, against, table, versions = {}, loadBefore }: Taking): Circumstances {
  return {
    adapter,
    label: labelOf(adapter),
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    date: new Date().toISOString().slice(0, 10),
    commit: build.commit,
    against: against?.commit ?? null,
    table: table ?? null,
    node: process.version,
    versions,
    load: [loadBefore, load()],
  };
}

/**
 * Writes the result of a group for an adapter. `merge`: rows of other names that an earlier run of the same commit measured are kept,
 * for runs of a part of a group.
 */
export function writeResult(
  folder: string,
  result: GroupResult<NamedRow>,
  { merge }: { readonly merge: boolean },
): string {
  const file = join(folder, `${result.group}-${result.label}.json`);
  const kept = merge ? earlierRows(file, result) : [];
  const rows = [...kept.filter(({ name }) => !result.rows.some((row) => row.name === name)), ...result.rows];
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${file}.part`, `${JSON.stringify({ ...result, rows }, rounded, 1)}\n`);
  renameSync(`${file}.part`, file);
  return file;
}

function earlierRows(file: string, { commit }: Circumstances): readonly NamedRow[] {
  try {
    const earlier = JSON.parse(readFileSync(file, "utf8")) as GroupResult<NamedRow>;
    return earlier.commit === commit ? earlier.rows : [];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Four digits are more than a measurement has. */
const rounded = (_: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
