import type { Command } from "commander";
import { GpuUnavailableError } from "../gpu/errors.js";
import { counted } from "../platform/counted.js";
import { ModelLoadConfig } from "../pipeline/load-config.js";
import { planMemory, type MemoryPlan, type MemoryPlanOptions } from "../pipeline/manager/memory-plan.js";
import { publicUrl } from "../platform/secrets.js";
import { oneConfig } from "./default-config.js";
import { interruptSignal } from "./interrupt.js";
import { print, printJson, say } from "./output.js";
import type { CanvasOptions } from "../pipeline/canvas-options.js";
import { parseSize } from "./generating/canvas-options.js";
import type { WeightFormat } from "../tensor/dtype.js";
import { priorFolderOption, weightsOption } from "./generating/options.js";
import { loadConfig, wholeNumber } from "./option-values.js";
import { deviceOf, namedTable } from "./tuning-table.js";

interface Options {
  readonly modelConfig?: string;
  readonly priorFolder?: string;
  readonly batchSize: number;
  readonly size?: CanvasOptions["size"];
  readonly weights: WeightFormat | undefined;
  readonly tuning?: string;
  readonly json?: true;
}

export function register(program: Command): void {
  program
    .command("memory")
    .description("show how much GPU memory the models of a load config need (only file headers are read)")
    .argument(
      "[config]",
      "name, path or URL of a load config or of a folder of models, or its id on the hub (default: shapes, the included model)",
      loadConfig,
    )
    .option("--model-config <config>", "same as the argument", loadConfig)
    .addOption(priorFolderOption())
    .option("--batch-size <n>", "images per batch", wholeNumber, 1)
    .option(
      "--size <size>",
      "size of the images, such as 768x512, for models of many sizes (default: the model's)",
      parseSize,
    )
    .addOption(weightsOption())
    .option(
      "--tuning <table>",
      "plan for adapters that a table is for: one of the package by name, or one in a JSON file (default: for this adapter)",
    )
    .option("--json", "print one JSON array with the plans for f32 and f16, in bytes")
    .action(async (argument: string | undefined, { modelConfig, priorFolder, ...options }: Options) => {
      const { batchSize, size, weights, tuning, json } = options;
      const path = oneConfig(argument, modelConfig);
      const signal = interruptSignal();
      // First the file: a mistake in it is said at once.
      const config = await ModelLoadConfig.open(path, { signal, prior: priorFolder });
      const plans = await plansOf(config, { batchSize, size, weights, ...(await adapterFor(tuning)), signal });
      if (json) printJson(plans);
      else print(formatPlans(publicUrl(path), plans));
    });
}

/** The adapter to plan for: its device and what it can bind, as far as they are known. */
async function adapterFor(tuning: string | undefined): Promise<Pick<MemoryPlanOptions, "gpu" | "maxBindingSize">> {
  if (tuning !== undefined) return { gpu: await deviceOf(await namedTable(tuning)) };
  const [{ openGpu }, { keptTuning }] = await Promise.all([import("../gpu/open.js"), import("../tuning/kept.js")]);
  try {
    using gpu = await openGpu({ tuning: keptTuning({ probes: false, onWarning: say }) });
    const { adapter, features, tuning, limits } = gpu;
    return { gpu: { adapter, features, tuning }, maxBindingSize: limits.maxStorageBufferBindingSize };
  } catch (error) {
    if (!(error instanceof GpuUnavailableError)) throw error;
    say(
      "There is no adapter here to plan for. Kernels of another one may need more memory: name its table by --tuning.",
    );
    return {};
  }
}

async function plansOf(config: ModelLoadConfig, options: Omit<MemoryPlanOptions, "dtype">): Promise<MemoryPlan[]> {
  // Show warnings about a file only once.
  const f32 = await planMemory(config, { ...options, dtype: "f32", onWarning: say });
  const f16 = await planMemory(config, { ...options, dtype: "f16", onWarning: () => undefined });
  return [f32, f16];
}

function formatPlans(path: string, plans: readonly MemoryPlan[]): string {
  const [first] = plans;
  const rows = [
    [
      "",
      ...plans.flatMap(({ dtype, weights }) => [`${weights === "full" ? dtype : weights} weights`, `${dtype} work`]),
    ],
    ...(first?.components ?? []).map(({ name }, i) => [
      name,
      ...plans.flatMap(({ components }) => [components[i]!.weightBytes, components[i]!.workBytes].map(mebibytes)),
    ]),
    ["no offload", ...plans.flatMap(({ loadedBytes }) => ["", mebibytes(loadedBytes)])],
    ["offload idle", ...plans.flatMap(({ offloadBytes }) => ["", mebibytes(offloadBytes)])],
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "),
  );
  return [
    `${path}: GPU memory in MiB, batches of ${counted(first?.batchSize ?? 0, "image")}, table ${first?.tuning ?? ""}`,
    ...lines,
  ].join("\n");
}

function mebibytes(bytes: number): string {
  return Math.ceil(bytes / 2 ** 20).toLocaleString("en-US");
}
