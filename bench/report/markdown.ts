import { computeTime, type ComparedRow } from "../groups/compare.js";
import type { DriversRow } from "../groups/drivers.js";
import type { PeakRow } from "../groups/peaks.js";
import type { ProgramsRow } from "../groups/programs.js";
import type { ServerRow } from "../groups/server.js";
import type { ScalingRow } from "../groups/scaling.js";
import type { Circumstances, GroupResult } from "../lib/results.js";
import {
  bestOf,
  contenderOf,
  isCompared,
  isPeak,
  OURS,
  OURS_F16,
  ratioTo,
  type AdapterResults,
  type AllResults,
  type Ratio,
  type TorchResults,
} from "./read.js";

const HEADER = `# Speed

Written by \`npm run bench -- report\` from the files in [results](results); [README.md](README.md) says how they are measured.
Ratios are how much longer another program takes than this library, f32 on both sides: by processor time / by wall time, medians of
runs in turns in one process. On software adapters the processor time is that of the driver's threads, which compute; other programs
on the machine disturb it least. A peer whose result is wrong is left out, and named below the table. Of onnxruntime, the
fastest right form counts (layouts of convolutions; separate nodes or one node for attention).`;

export function resultsPage({ adapters, torch }: AllResults): string {
  return `${[HEADER, ...adapters.map(adapterSection), ...torch.map(torchSection)].join("\n\n")}\n`;
}

function adapterSection(results: AdapterResults): string {
  const { label, ops, steps, start, scaling, runtimes, server, drivers } = results;
  const parts = [`## ${label}`];
  if (ops) parts.push("### Operations", taken(ops), operationsTable(ops), wrongPeers(ops.rows));
  if (ops) parts.push("### What bounds them", rooflineNote(ops), rooflineTable(ops));
  if (steps) parts.push("### Networks and images", taken(steps), stepsTable(steps.rows), wrongPeers(steps.rows));
  if (start) parts.push("### From the start of the process", taken(start), programsTable(start.rows));
  if (scaling) parts.push("### Scaling", taken(scaling), scalingTable(scaling.rows));
  if (runtimes) parts.push("### Runtimes", taken(runtimes), programsTable(runtimes.rows));
  if (server) parts.push("### The server", taken(server), serverTable(server.rows));
  if (drivers) parts.push("### Drivers", taken(drivers), driversTable(drivers.rows));
  return parts.filter((part) => part !== "").join("\n\n");
}

function taken({
  adapter,
  processor,
  cores,
  date,
  commit,
  against,
  table,
  node,
  versions,
  load,
}: Circumstances): string {
  const others = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    adapter.description || adapter.device,
    `${processor}, ${cores} cores`,
    `Node ${node}`,
    date,
    `commit ${commit}${against === null ? "" : ` against ${against}`}`,
    ...(table === null ? [] : [`table ${table}`]),
    ...others,
    `load ${load.map((value) => value.toFixed(1)).join(" to ")}`,
  ].join("; ");
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const alignments = titles.map((_, column) => (column === 0 ? "---" : "---:"));
  return [titles, alignments, ...rows].map(line).join("\n");
}

const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(value < 1 ? 2 : 3));
const ratioText = (ratio: Ratio | undefined): string =>
  ratio ? `${ratio.cpu.toFixed(1)} / ${ratio.wall.toFixed(1)}` : "–";
const percent = (share: number): string => `${Math.round(100 * share)} %`;

const compared = (rows: readonly (ComparedRow | PeakRow)[]): ComparedRow[] => rows.filter(isCompared);
const peaks = (rows: readonly (ComparedRow | PeakRow)[]): PeakRow[] => rows.filter(isPeak);

/** 10^9 per second of computing; milliseconds in brackets. */
function rateText(row: ComparedRow, name: string): string {
  const found = contenderOf(row, name);
  if (!found?.timing) return "–";
  if (!found.isRight) return "wrong";
  const time = computeTime(found);
  // A row with multiplications is bound by them or by its bytes; its rate is that of multiplications.
  const bytes = (row.bytes ?? 0) / (name === OURS_F16 ? 2 : 1);
  const rate = row.flops === null ? `${digits(bytes / time / 1e9)} GB/s` : `${digits(row.flops / time / 1e9)} GFLOP/s`;
  return `${rate} (${digits(found.timing.wall * 1000)} ms)`;
}

function operationsTable({ rows, against }: GroupResult<ComparedRow | PeakRow>): string {
  const older = against === null ? [] : [`dalle2-webgpu ${against} f32`];
  return table(
    [
      "operation",
      "f32, per processor second",
      "f16",
      ...older.map(() => `× ${against ?? ""}`),
      "× onnxruntime",
      "× TensorFlow.js",
      "× jax-js",
    ],
    compared(rows).map((row) => [
      row.name,
      rateText(row, OURS),
      rateText(row, OURS_F16),
      ...older.map((name) => ratioText(ratioTo(row, contenderOf(row, name)))),
      ...["onnxruntime", "TensorFlow.js", "jax-js"].map((peer) => ratioText(ratioTo(row, bestOf(row, peer)))),
    ]),
  );
}

function stepsTable(rows: readonly ComparedRow[]): string {
  const milliseconds = (row: ComparedRow, name: string): string => {
    const found = contenderOf(row, name);
    return found?.timing ? `${digits(computeTime(found) * 1000)} / ${digits(found.timing.wall * 1000)} ms` : "–";
  };
  return table(
    ["", "f32, processor / wall time", "f32, in a prepared run", "f16", "× onnxruntime", "× in a prepared run"],
    rows.map((row) => [
      row.name,
      milliseconds(row, OURS),
      milliseconds(row, `${OURS}, in a run`),
      milliseconds(row, OURS_F16),
      ratioText(ratioTo(row, bestOf(row, "onnxruntime"))),
      ratioText(ratioTo(row, bestOf(row, "onnxruntime"), `${OURS}, in a run`)),
    ]),
  );
}

function wrongPeers(rows: readonly (ComparedRow | PeakRow)[]): string {
  const wrong = compared(rows).flatMap((row) =>
    row.contenders
      .filter(({ isRight, error }) => !isRight && error !== null)
      .map(({ contender, error }) => `- ${contender}, ${row.name}: error ${error!.toExponential(0)}`),
  );
  return wrong.length === 0
    ? ""
    : ["Wrong, and left out (largest error relative to the largest value):", ...wrong].join("\n");
}

/** The most that an adapter could do for an operation, by what it computes and what it moves. */
function roofOf({ flops, bytes }: ComparedRow, { multiplyAdd, copy }: PeakRow) {
  if (flops === null) return { seconds: (bytes ?? 0) / copy.cpu / 1e9, bound: "memory" };
  const [arithmetic, memory] = [flops / multiplyAdd.cpu / 1e9, (bytes ?? 0) / copy.cpu / 1e9];
  return { seconds: Math.max(arithmetic, memory), bound: arithmetic > memory ? "arithmetic" : "memory" };
}

function rooflineNote({ rows }: GroupResult<ComparedRow | PeakRow>): string {
  const peak = peaks(rows).find(({ dtype }) => dtype === "f32");
  if (!peak) return "";
  const { multiplyAdd, copy } = peak;
  const balance = multiplyAdd.cpu / copy.cpu;
  return `The adapter does at most ${digits(multiplyAdd.cpu)} GFLOP (${digits(multiplyAdd.wall)} by wall time) of multiply-adds in registers and copies ${digits(copy.cpu)} GB (${digits(copy.wall)}) per processor second. So an operation with more than ${digits(balance)} multiplications and additions for each byte is bound by arithmetic, the others by memory. The table has the share of that bound that each reaches, f32.`;
}

function rooflineTable({ rows }: GroupResult<ComparedRow | PeakRow>): string {
  const peak = peaks(rows).find(({ dtype }) => dtype === "f32");
  if (!peak) return "";
  const lines = compared(rows).map((row) => {
    const { seconds, bound } = roofOf(row, peak);
    const ours = contenderOf(row, OURS);
    const perByte = row.flops === null || row.bytes === null ? "–" : digits(row.flops / row.bytes);
    return [row.name, perByte, bound, ours?.timing ? percent(seconds / computeTime(ours)) : "–"];
  });
  return table(["operation", "FLOP per byte", "bound by", "share of the bound"], lines);
}

function programsTable(rows: readonly ProgramsRow[]): string {
  const names = [...new Set(rows.flatMap(({ programs }) => programs.map(({ contender }) => contender)))];
  const time = (seconds: number): string => (seconds < 1 ? `${digits(seconds * 1000)} ms` : `${digits(seconds)} s`);
  return table(
    ["", ...names.map((name) => `${name}: processor / wall time`), ...names.slice(1).map((name) => `× ${name}`)],
    rows.map(({ name, programs }) => {
      const found = names.map((wanted) => programs.find(({ contender }) => contender === wanted));
      const [base] = found;
      return [
        name,
        ...found.map((one) => (one ? `${time(one.cpu)} / ${time(one.wall)}` : "–")),
        ...found
          .slice(1)
          .map((one) => ratioText(base && one && { cpu: one.cpu / base.cpu, wall: one.wall / base.wall })),
      ];
    }),
  );
}

function driversTable(rows: readonly DriversRow[]): string {
  const names = rows[0]?.drivers.map(({ driver, table: id }) => `${driver}, ${id}`) ?? [];
  const milliseconds = (seconds: number): string => digits(seconds * 1000);
  const lines = rows.map(({ name, drivers }) => [
    `${name}, in a prepared run`,
    ...drivers.map(({ cpu, workers, wall }) => `${milliseconds(workers ?? cpu)} / ${milliseconds(wall)} ms`),
    ratioText({
      cpu: (drivers[0]!.workers ?? drivers[0]!.cpu) / (drivers[1]!.workers ?? drivers[1]!.cpu),
      wall: drivers[0]!.wall / drivers[1]!.wall,
    }),
  ]);
  const note =
    "Each driver in a process of its own, in turns. The last column says how many times as fast the second one is.";
  return `${note}\n\n${table(["", ...names.map((name) => `${name}: processor / wall time`), "× faster"], lines)}`;
}

function scalingTable(rows: readonly ScalingRow[]): string {
  const note =
    "The exponent is that of the power of n that fits the processor time of all n together; 1 is linear. A part that does not grow makes it smaller: its share of the smallest n is in the last column.";
  const lines = rows.map(({ name, points, exponent, fixedShare }) => [
    name,
    points.map(({ n, cpu }) => `${n}: ${digits((cpu / n) * 1000)}`).join(", "),
    exponent.toFixed(2),
    percent(fixedShare),
  ]);
  return `${note}\n\n${table(["n", "n: ms of processor time for each", "exponent", "fixed share"], lines)}`;
}

function serverTable(rows: readonly ServerRow[]): string {
  const note =
    "Milliseconds of processor time for an image of the Shapes model: from the library, and by a request to `dalle2 serve` (HTTP, JSON, limits, queue, log, the PNG with its record), in turns. The overhead is the median of the differences of neighbouring turns; the system counts in steps of 2.5 ms for an image, and what else the machine does moves single turns by more.";
  const lines = rows.map(({ name, library, server, overhead, rounds }) => [
    name,
    digits(library * 1000),
    digits(server * 1000),
    `${digits(overhead * 1000)} (${percent(overhead / library)})`,
    String(rounds),
  ]);
  return `${note}\n\n${table(["image", "library", "server", "overhead", "turns of each"], lines)}`;
}

function torchSection({ label, device, torch, date, rows }: TorchResults): string {
  const names = [...new Set(rows.map(({ name }) => name))];
  const of = (name: string, dtype: string, mode: string): string => {
    const found = rows.find((row) => row.name === name && row.dtype === dtype && row.mode === mode);
    return found ? `${digits(found.milliseconds)} ms` : "–";
  };
  const forms = [
    ["f32", "eager"],
    ["f32", "compiled"],
    ["f16", "eager"],
    ["f16", "compiled"],
  ] as const;
  const lines = names.map((name) => [name, ...forms.map(([dtype, mode]) => of(name, dtype, mode))]);
  const titles = ["operation", ...forms.map(([dtype, mode]) => `${mode} ${dtype}`)];
  return [`## PyTorch, ${label}`, `${device}; PyTorch ${torch}; ${date}`, table(titles, lines)].join("\n\n");
}
