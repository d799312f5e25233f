import type { Command } from "commander";
import { Option } from "commander";
import { openSource } from "../files/open.js";
import type { ReportSection } from "../models/family.js";
import { examineCheckpoint } from "../models/inspect.js";
import type { Inspection } from "../models/inspection.js";
import { openCheckpoint } from "../models/open-checkpoint.js";
import type { CheckpointOptions } from "../weights/checkpoint.js";
import type { InspectedTensors } from "../weights/inspect.js";
import type { WeightsChoice } from "../weights/tree/choose-model.js";
import { formatBytes } from "../platform/format-bytes.js";
import { UsageError } from "./errors.js";
import { interruptSignal } from "./interrupt.js";
import { nonEmptyText } from "./option-values.js";
import { formatFolder, inspectFolderAt } from "./inspect-folder.js";
import { isModelFolder } from "./open-folder.js";
import { print, printJson } from "./output.js";
import { formatCount, indent, section, widest } from "./report-text.js";

interface Options {
  readonly json?: true;
  readonly weights?: WeightsChoice;
  readonly key?: string;
}

/** What `dalle2 inspect --json` prints. */
export type InspectReport = Inspection & { readonly bytes: number };

export function register(program: Command): void {
  program
    .command("inspect")
    .description(
      "show what is in a checkpoint (version, dialect, config, tensors) or a folder of models (its components); only headers are read",
    )
    .argument(
      "<file>",
      "path or URL: .safetensors, .pth, .pt, .ckpt, .bin, or the .index.json of a sharded checkpoint; or a folder of models, or the id of one on the Hugging Face hub (org/name)",
    )
    .addOption(new Option("--weights <which>", "which weights to list if the file has both").choices(["online", "ema"]))
    .option(
      "--key <key>",
      "where in the file the model is, such as state_dict.model (default: found by tensor names)",
      nonEmptyText,
    )
    .option("--json", "print one JSON object")
    .action(async (file: string, { json, weights, key }: Options) => {
      const signal = interruptSignal();
      if (await isModelFolder(file, { signal })) {
        if (weights ?? key) throw new UsageError("--weights and --key choose in one file, not in a folder.");
        const report = await inspectFolderAt(file, signal);
        if (json) printJson(report.inspection);
        else print(formatFolder(report));
        return;
      }
      const { report, sections } = await inspect(file, { weights, stateDictKey: key, signal });
      if (json) printJson(report);
      else print(formatReport(report, sections));
    });
}

interface Inspected {
  readonly report: InspectReport;
  readonly sections: readonly ReportSection[];
}

async function inspect(file: string, options: CheckpointOptions): Promise<Inspected> {
  const { signal } = options;
  const source = await openSource(file, { signal, headersOnly: true });
  const checkpoint = await openCheckpoint(source, options);
  try {
    const { inspection, sections } = await examineCheckpoint(checkpoint);
    return { report: { ...inspection, bytes: source.size }, sections };
  } finally {
    await checkpoint.close();
  }
}

function formatReport(report: InspectReport, sections: readonly ReportSection[]): string {
  const { warnings, config, clip, skipped } = report;
  return [
    formatFile(report),
    ...sections.map(({ title, rows }) => section(title, rows)),
    ...warnings.map((warning) => `Warning\n${indent(warning)}`),
    config === null ? undefined : `Config\n${indent(JSON.stringify(config, null, 2))}`,
    formatTensors("Tensors", report),
    clip ? formatTensors("CLIP in the same file", clip) : undefined,
    skipped.length > 0 ? formatSkipped(skipped) : undefined,
  ]
    .filter((section) => section !== undefined)
    .join("\n\n");
}

const FORMATS: Readonly<Record<Inspection["format"], string>> = {
  safetensors: "safetensors",
  "safetensors-index": "safetensors in shards, with an index",
  "torch-index": "torch in shards, with an index",
  torch: "torch, zip",
  "torch-legacy": "torch, legacy (before 1.6)",
  torchscript: "TorchScript",
};

function formatFile({
  file,
  bytes,
  format,
  container,
  key,
  weights,
  availableWeights,
  component,
  version,
  ...rest
}: InspectReport) {
  const others = availableWeights.filter((choice) => choice !== weights);
  return section(file, [
    ["size", formatBytes(bytes)],
    ["format", FORMATS[format]],
    ["container", key === "" ? container : `${container}, under ${key}`],
    ["weights", others.length > 0 ? `${weights} (also in the file: ${others.join()})` : "as saved"],
    ["component", component],
    ["version", version ?? "not recorded"],
    ["parameters", formatCount(rest.parameters)],
  ]);
}

function formatTensors(title: string, { tensors, parameters }: InspectedTensors): string {
  const width = widest(tensors.map(({ parameters: count }) => formatCount(count)));
  const rows = tensors.map(({ name, dtype, shape, parameters: count }) => [
    name,
    dtype,
    `[${shape.join(", ")}]`,
    formatCount(count).padStart(width),
  ]);
  return section(`${title}: ${formatCount(tensors.length)}, ${formatCount(parameters)} parameters`, rows);
}

function formatSkipped(skipped: InspectReport["skipped"]): string {
  return section(
    "Also in the file, not read",
    skipped.map(({ key, what }) => [key, what]),
  );
}
