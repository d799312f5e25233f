import type { Report } from "./supervise.js";

const HEAD = ["target", "inputs", "accepted", "refused", "failed", "inputs/s", "slowest ms", "peak MB", "refused by"];

/** The figures of all targets as a table. */
export function formatTable(reports: readonly Report[]): string {
  const rows = [HEAD, ...reports.map(rowOf)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (i === 0 || i === row.length - 1 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  "),
  );
  return lines.map((line) => line.trimEnd()).join("\n");
}

function rowOf({ target, inputs, outcomes, failed, seconds, slowest, slowestNumber, peakBytes }: Report): string[] {
  const accepted = outcomes.get("accepted") ?? 0;
  const refusals = [...outcomes].filter(([name, count]) => name !== "accepted" && count > 0);
  const refused = refusals.reduce((sum, [, count]) => sum + count, 0);
  return [
    target,
    String(inputs),
    String(accepted),
    String(refused),
    String(failed),
    String(Math.round(inputs / Math.max(seconds, 1e-3))),
    `${slowest.toFixed(0)} (${slowestNumber})`,
    String(Math.round(peakBytes / 1e6)),
    refusals.map(([name, count]) => `${name} ${count}`).join(", "),
  ];
}
