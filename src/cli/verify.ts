import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Option, type Command } from "commander";
import type { GpuDevice } from "../gpu/device.js";
import { GpuUnavailableError } from "../gpu/errors.js";
import type { TuningTable } from "../gpu/tuning.js";
import type { ComputeType } from "../tensor/dtype.js";
import type { VerifyResult } from "../fixture/result.js";
import type { OpenContext, GpuContext } from "../fixture/runner.js";
import type { ForcedTable as NamedTable } from "../tuning/contests.js";
import { UsageError } from "./errors.js";
import { print, printJson } from "./output.js";
import { namedTable } from "./tuning-table.js";

interface Options {
  readonly dtype: ComputeType;
  readonly tuning?: string;
  readonly json?: true;
}

export function register(program: Command): void {
  program
    .command("verify")
    .description(
      "compare outputs with the recorded outputs of the reference, for one fixture or all fixtures below a folder",
    )
    .argument("<folder>", "folder with a fixture.json, or a parent of such folders")
    .addOption(new Option("--dtype <type>", "dtype that the models compute in").choices(["f32", "f16"]).default("f32"))
    .option(
      "--tuning <table>",
      "which kernels: each in turn (each), a table of the package by name, or one in a JSON file (default: those of this adapter)",
    )
    .option("--json", "print one JSON array of {name, kind, pass, maxAbs, nmse, message?, tuning?}")
    .action(async (folder: string, options: Options) => {
      const results = await verifyAll(fixtureFolders(folder), options);
      if (options.json) printJson(results);
      if (results.some(({ pass }) => !pass)) process.exitCode = 1;
    });
}

/** Fixture folders in and below a folder, sorted by name. Throws `UsageError` if there are none. */
function fixtureFolders(folder: string): readonly string[] {
  if (!existsSync(folder)) throw new UsageError(`There is no folder ${folder}.`);
  if (!statSync(folder).isDirectory()) throw new UsageError(`${folder} is a file: give the folder of a fixture.`);
  const found = existsSync(join(folder, "fixture.json"))
    ? [folder]
    : readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((path) => basename(path) === "fixture.json")
        .map((path) => join(folder, dirname(path)))
        .sort();
  if (found.length === 0) throw new UsageError(`There is no fixture.json in ${folder} or below it.`);
  return found;
}

/** What `dalle2 verify --json` prints for a fixture. */
interface Report extends VerifyResult {
  /** The kernels, with `--tuning`. */
  readonly tuning?: string;
}

async function verifyAll(folders: readonly string[], { dtype, tuning, json }: Options): Promise<Report[]> {
  const results: Report[] = [];
  using device = new LazyDevice(dtype);
  for (const choice of await tablesNamed(tuning)) {
    device.useTuning(choice?.table);
    if (!json && choice) print(`# ${choice.name}`);
    const these = await verifyWith(device, folders, json);
    results.push(...these.map((result) => ({ ...result, ...(choice ? { tuning: choice.name } : {}) })));
  }
  return results;
}

async function verifyWith(device: LazyDevice, folders: readonly string[], json?: true): Promise<VerifyResult[]> {
  const { verifyFixture } = await import("../verify/verify.js");
  const results: VerifyResult[] = [];
  for (const folder of folders) {
    const result = await device.withStream((open) => verifyFixture(folder, open));
    results.push(result);
    if (!json) print(formatResult(result));
  }
  if (!json) print(`${results.filter(({ pass }) => pass).length} of ${results.length} pass`);
  return results;
}

/** The tables that `--tuning` names. Undefined stands for that of the adapter. */
async function tablesNamed(tuning: string | undefined): Promise<readonly (NamedTable | undefined)[]> {
  if (tuning === undefined) return [undefined];
  if (tuning === "each") {
    const { portableTable } = await import("../gpu/tuning.js");
    const { forcedTables } = await import("../tuning/contests.js");
    return forcedTables(portableTable);
  }
  const table = await namedTable(tuning, "; or: each");
  return [{ name: table.id, table }];
}

/** Opens the GPU when it is first needed: some kinds of fixture run without it. */
class LazyDevice {
  #gpu: GpuDevice | undefined;
  #table: TuningTable | undefined;

  constructor(private readonly dtype: ComputeType) {}

  /** Chooses the kernels of fixtures that are verified from now on. Undefined: those of the adapter. */
  useTuning(table: TuningTable | undefined): void {
    this.#table = table;
    if (table) this.#gpu?.useTuning(table);
  }

  /** Verifies a fixture. If it needs a command stream, it gets its own, so that a failure does not affect other fixtures. */
  async withStream<T>(verify: (open: OpenContext) => Promise<T>): Promise<T> {
    let context: GpuContext | undefined;
    try {
      return await verify(async () => (context ??= await this.#openContext()));
    } finally {
      context?.arena.stream.close();
    }
  }

  async #openContext(): Promise<GpuContext> {
    const { Arena } = await import("../tensor/arena.js");
    const gpu = (this.#gpu ??= await this.#openGpu());
    return { gpu, arena: new Arena(gpu.stream(), this.dtype) };
  }

  async #openGpu(): Promise<GpuDevice> {
    const { openGpu } = await import("../gpu/open.js");
    const { keptTuning } = await import("../tuning/kept.js");
    const gpu = await openGpu({ tuning: this.#table ?? keptTuning() });
    if (this.dtype === "f16" && !gpu.features.f16) {
      gpu.dispose();
      throw new GpuUnavailableError(`${gpu.adapter.description} has no shader-f16`, { advice: "use --dtype f32" });
    }
    return gpu;
  }

  [Symbol.dispose](): void {
    this.#gpu?.dispose();
  }
}

function formatResult({ name, kind, pass, maxAbs, nmse, message }: VerifyResult): string {
  const number = (value: number | null): string => (value === null ? "-" : value.toExponential(1)).padStart(8);
  const figures = `max ${number(maxAbs)}  nmse ${number(nmse)}`;
  const line = `${pass ? "pass" : "FAIL"}  ${name.padEnd(32)} ${kind.padEnd(15)} ${figures}`;
  return message === undefined ? line : `${line}  ${onOneLine(message)}`;
}

/** Number of list entries that are shown. */
const SHOWN = 4;

/** The first line of a message and, if a list follows it, the first entries of that list. */
function onOneLine(message: string): string {
  const [first = "", ...list] = message.split("\n").map((line) => line.trim());
  if (!first.endsWith(":")) return first;
  return `${first} ${list.slice(0, SHOWN).join("; ")}${list.length > SHOWN ? `; and ${list.length - SHOWN} more` : ""}`;
}
