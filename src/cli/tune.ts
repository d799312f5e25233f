import type { Command } from "commander";
import type { AdapterDescription } from "../gpu/adapter.js";
import type { GpuDevice } from "../gpu/device.js";
import type { TuningTable } from "../gpu/tuning.js";
import type { TuningDecision, TuningTime } from "../tuning/tune.js";
import { interruptSignal } from "./interrupt.js";
import { print, printJson } from "./output.js";

interface Flags {
  readonly reset?: true;
  readonly json?: true;
}

/** What `dalle2 tune --json` prints. */
export interface TuneReport {
  readonly adapter: AdapterDescription;
  /** The file that the table is kept in; with `--reset`, null. */
  readonly file: string | null;
  /** The table that is used from now on. */
  readonly table: TuningTable;
  /** What was measured. */
  readonly decisions: readonly TuningDecision[];
}

const DETAILS = `
Measures the kernels that compute the same operation in different ways, at sizes of the models, and keeps a table of the
fastest for this adapter, driver and WebGPU implementation. All commands then use it. The same seed gives the same bytes
with the same table; an image's record names it (\`tuning\` in dalle2 show).`;

export function register(program: Command): void {
  program
    .command("tune")
    .description("measure which kernels are fastest on this adapter, and use them from now on")
    .option("--reset", "forget the table that was measured, and use the one of the package")
    .option("--json", "print one JSON object: {adapter, file, table, decisions}")
    .addHelpText("after", DETAILS)
    .action(async ({ reset, json }: Flags) => {
      const { openGpu } = await import("../gpu/open.js");
      using gpu = await openGpu();
      const report = reset ? await resetTable(gpu) : await tune(gpu, json);
      if (json) printJson(report);
      else print(formatEnd(report));
    });
}

async function resetTable({ adapter, tuning }: GpuDevice): Promise<TuneReport> {
  const { forgetTuning } = await import("../tuning/kept.js");
  await forgetTuning(adapter);
  return { adapter, file: null, table: tuning, decisions: [] };
}

async function tune(gpu: GpuDevice, json: true | undefined): Promise<TuneReport> {
  const { adapter } = gpu;
  const { tuneGpu } = await import("../tuning/tune.js");
  const { keepTuning } = await import("../tuning/kept.js");
  const signal = interruptSignal();
  if (!json) print(`${adapter.description || adapter.device}, now with table ${gpu.tuning.id}`);
  const onDecision = (decision: TuningDecision): void => {
    if (!json) print(formatDecision(decision));
  };
  const { table, decisions } = await tuneGpu(gpu, { onDecision, signal });
  return { adapter, file: await keepTuning(adapter, table), table, decisions };
}

function formatDecision({ name, candidates, chosen }: TuningDecision): string {
  const width = Math.max(...candidates.map((one) => one.name.length));
  const rows = candidates.map(
    (one) => `  ${one.name.padEnd(width)}  ${formatTime(one)}${one.name === chosen ? "  *" : ""}`,
  );
  return ["", name, ...rows].join("\n");
}

function formatTime({ milliseconds, problem }: TuningTime): string {
  return problem === undefined ? `${milliseconds.toFixed(2).padStart(8)} ms` : `not used: ${problem}`;
}

function formatEnd({ file, table }: TuneReport): string {
  if (file === null) return `Table ${table.id} of the package is used.`;
  return `\nTable ${table.id} is used from now on (* above).\n${file}`;
}
