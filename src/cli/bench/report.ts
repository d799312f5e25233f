import type { AdapterDescription } from "../../gpu/adapter.js";
import type { ComputeType } from "../../tensor/dtype.js";
import { section } from "../report-text.js";

/** One measurement. Exactly one of `gflops` and `gbytes` is there, except for a step. */
export interface BenchResult {
  readonly name: string;
  readonly dtype: ComputeType;
  /** Wall time of one run, in milliseconds. */
  readonly wall: number;
  /** Processor time of this process for one run, in milliseconds. */
  readonly cpu: number;
  /** 10^9 multiplications and additions per second. */
  readonly gflops?: number;
  /** 10^9 bytes read and written per second. */
  readonly gbytes?: number;
  /** That rate relative to the peak of the adapter in this dtype. */
  readonly share?: number;
}

/** What `dalle2 bench --json` prints. */
export interface BenchReport {
  /** Version of this package. */
  readonly version: string;
  readonly date: string;
  readonly adapter: AdapterDescription;
  /** The table that chose the kernels. */
  readonly table: string;
  /** Operating system and processor architecture: `linux x64`. */
  readonly platform: string;
  /** JavaScript runtime and its version. */
  readonly runtime: string;
  readonly processor: string;
  readonly cores: number;
  /** Processes that waited for a core in the minute before the end, on average; 0 where the system does not tell. */
  readonly load: number;
  readonly results: readonly BenchResult[];
}

/** Formats a report beside others of the same measurements. */
export function formatBench(report: BenchReport, others: readonly BenchReport[]): string {
  const machines = [report, ...others];
  const titles = ["this machine", ...others.map((other) => nameOf(other))];
  const rows = report.results.map((result) => [
    `${result.name} ${result.dtype}`,
    ...machines.map(({ results }) => {
      const same = results.find(({ name, dtype }) => name === result.name && dtype === result.dtype);
      return same ? formatResult(same) : "-";
    }),
  ]);
  const about = machines.map((machine, i) => [titles[i]!, ...describe(machine)]);
  return [
    section("Machines", about),
    section("Speed (in brackets: share of the adapter's peak)", [["", ...titles], ...rows]),
  ].join("\n\n");
}

function describe({ adapter, table, processor, cores, version, date, load, runtime }: BenchReport): string[] {
  return [
    adapter.description || adapter.device,
    `${processor}, ${cores} cores`,
    runtime,
    `version ${version}, table ${table}`,
    `${date}, load ${load.toFixed(1)}`,
  ];
}

/** A short name: the device without the driver's version. */
function nameOf({ adapter }: BenchReport): string {
  const name = adapter.description || adapter.device;
  return /^(llvmpipe: Mesa \d+\.\d+|SwiftShader)/.exec(name)?.[0] ?? name.slice(0, 24);
}

function formatResult({ wall, gflops, gbytes, share }: BenchResult): string {
  const percent = share === undefined ? "" : ` (${Math.round(100 * share)} %)`;
  if (gflops !== undefined) return `${digits(gflops)} GFLOP/s${percent}`;
  if (gbytes !== undefined) return `${digits(gbytes)} GB/s${percent}`;
  return `${digits(wall)} ms`;
}

/** Three digits. */
function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
