import type { Command } from "commander";
import { Option } from "commander";
import { openSource } from "../files/open.js";
import { openCheckpoint } from "../weights/checkpoint.js";
import {
  inspectCheckpoint,
  type InspectedDialect,
  type InspectedTensors,
  type Inspection,
} from "../weights/inspect.js";
import type { WeightsChoice } from "../weights/state-dict.js";
import { formatBytes } from "./format-bytes.js";
import { interruptSignal } from "./interrupt.js";
import { print, printJson } from "./output.js";

interface Options {
  readonly json?: true;
  readonly weights?: WeightsChoice;
}

/** What `dalle2 inspect --json` prints. */
export type InspectReport = Inspection & { readonly bytes: number };

export function register(program: Command): void {
  program
    .command("inspect")
    .description("say what is in a checkpoint: version, dialect, config, tensors; only its headers are read")
    .argument("<file>", "a path or URL: .safetensors, .safetensors.index.json, .pth, .pt")
    .addOption(
      new Option("--weights <which>", "which weights to list, where a file has both").choices(["online", "ema"]),
    )
    .option("--json", "print one JSON object")
    .action(async (file: string, { json, weights }: Options) => {
      const report = await inspect(file, weights);
      if (json) printJson(report);
      else print(formatReport(report));
    });
}

async function inspect(file: string, weights: WeightsChoice | undefined): Promise<InspectReport> {
  const signal = interruptSignal();
  const source = await openSource(file, { signal });
  const checkpoint = await openCheckpoint(source, { weights, signal });
  try {
    return { ...inspectCheckpoint(checkpoint), bytes: source.size };
  } finally {
    await checkpoint.close();
  }
}

type Row = readonly string[];

function formatReport(report: InspectReport): string {
  const { dialect, warnings, config, clip } = report;
  return [
    formatFile(report),
    dialect ? formatDialect(dialect) : undefined,
    ...warnings.map((warning) => `Warning\n${indent(warning)}`),
    config === null ? undefined : `Config\n${indent(JSON.stringify(config, null, 2))}`,
    formatTensors("Tensors", report),
    clip ? formatTensors("CLIP saved along", clip) : undefined,
  ]
    .filter((section) => section !== undefined)
    .join("\n\n");
}

const FORMATS: Readonly<Record<Inspection["format"], string>> = {
  safetensors: "safetensors",
  "safetensors-index": "safetensors in shards, with an index",
  torch: "torch, zip",
  "torch-legacy": "torch, as before 1.6",
  torchscript: "TorchScript",
};

function formatFile({
  file,
  bytes,
  format,
  container,
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
    ["container", container],
    ["weights", others.length > 0 ? `${weights} (also in the file: ${others.join()})` : "as saved"],
    ["component", component],
    ["version", version ?? "not said"],
    ["parameters", formatCount(rest.parameters)],
  ]);
}

function formatDialect({ dialect, evidence, assumed, verified }: InspectedDialect): string {
  const rows = Object.entries(evidence).map(([flag, { value, source, detail }]) => [
    flag,
    String(value),
    assumed.some((name) => name === flag) ? "assumed" : source,
    detail,
  ]);
  const notes = [
    assumed.length > 0 ? "in part assumed" : "",
    verified ? "" : "unverified: no output of so old a version was compared",
  ].filter((note) => note !== "");
  return section([`Dialect of ${dialect.version}`, ...notes].join(", "), rows);
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

/** The length of the longest text. A file may name more tensors than a call has room for arguments. */
function widest(texts: readonly string[]): number {
  return texts.reduce((most, { length }) => Math.max(most, length), 0);
}

/** A title and indented rows whose columns are aligned. */
function section(title: string, rows: readonly Row[]): string {
  const widths = (rows[0] ?? []).map((_, column) => widest(rows.map((row) => row[column]!)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
  return [title, ...lines.map((line) => `  ${line}`)].join("\n");
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}

function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}
