import { readFileSync } from "node:fs";
import { Option, type Command } from "commander";
import type { ComputeType } from "../tensor/dtype.js";
import { parseJson } from "../platform/json.js";
import type { BenchReport } from "./bench/report.js";
import { interruptSignal } from "./interrupt.js";
import { nonEmptyText, wholeNumber } from "./option-values.js";
import { clearLine, print, printJson, replaceLine } from "./output.js";

interface Options {
  readonly seconds: number;
  readonly dtype?: ComputeType;
  readonly only?: string;
  readonly json?: true;
}

export function register(program: Command): void {
  program
    .command("bench")
    .description("measure how fast kernels and a sampling step are on this machine, beside other machines")
    .option("--seconds <n>", "time to measure for; compiling kernels comes on top", wholeNumber, 30)
    .addOption(
      new Option("--dtype <type>", "only f32 or f16 (default: both, if the adapter has f16)").choices(["f32", "f16"]),
    )
    .option("--only <text>", "only measurements whose name contains this text", nonEmptyText)
    .option("--json", "print one JSON object, of this machine alone")
    .action(bench);
}

async function bench({ seconds, dtype, only, json }: Options): Promise<void> {
  const [{ openGpu }, { keptTuning }, { runBench }, { formatBench }] = await Promise.all([
    import("../gpu/open.js"),
    import("../tuning/kept.js"),
    import("./bench/run.js"),
    import("./bench/report.js"),
  ]);
  using gpu = await openGpu({ tuning: keptTuning() });
  const dtypes = dtype ? [dtype] : gpu.features.f16 ? (["f32", "f16"] as const) : (["f32"] as const);
  const isShown = process.stderr.isTTY && json !== true;
  const report = await runBench(gpu, {
    seconds,
    dtypes,
    only,
    signal: interruptSignal(),
    onResult: ({ name }) => {
      if (isShown) replaceLine(`measured: ${name}`);
    },
  });
  if (isShown) clearLine();
  if (json) printJson(report);
  else print(formatBench(report, shippedReports()));
}

/** What was measured on other machines: `dalle2 bench --json` of each. */
function shippedReports(): readonly BenchReport[] {
  const text = readFileSync(new URL("../../docs/speed.json", import.meta.url), "utf8");
  return parseJson(text) as readonly BenchReport[];
}
