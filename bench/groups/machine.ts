import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import type { BenchReport } from "../../src/cli/bench/report.js";
import { labelOf } from "../lib/adapters.js";
import { Build } from "../lib/build.js";
import type { Options } from "../lib/options.js";

const FILE = "docs/speed.json";

/** Runs `dalle2 bench`, and puts its report in place of the last one of such an adapter, for all who run it elsewhere. */
export function runMachine({ budget = 30 }: Options): Promise<void> {
  const args = [new Build(".").command, "bench", "--json", "--seconds", String(Math.ceil(budget))];
  const report = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as BenchReport;
  const reports = JSON.parse(readFileSync(FILE, "utf8")) as readonly BenchReport[];
  const label = labelOf(report.adapter);
  const all = [...reports.filter(({ adapter }) => labelOf(adapter) !== label), report];
  all.sort((a, b) => labelOf(a.adapter).localeCompare(labelOf(b.adapter)));
  const rounded = (_: string, value: unknown) => (typeof value === "number" ? Number(value.toPrecision(4)) : value);
  writeFileSync(FILE, `${JSON.stringify(all, rounded, 1)}\n`);
  console.log(`${FILE}: ${all.map(({ adapter }) => labelOf(adapter)).join(", ")}`);
  return Promise.resolve();
}
