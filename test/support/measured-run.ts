import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs a Node program to its end and measures its peak resident memory and its CPU time. */
export function measuredRun(program: string, args: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), "dalle2-measured-"));
  const usage = join(folder, "usage.json");
  const hook = join(folder, "hook.mjs");
  writeFileSync(
    hook,
    `import { writeFileSync } from "node:fs";
process.on("exit", () => writeFileSync(${JSON.stringify(usage)}, JSON.stringify(process.resourceUsage())));`,
  );
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", hook, program, ...args], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  const { maxRSS, userCPUTime, systemCPUTime } = JSON.parse(readFileSync(usage, "utf8")) as NodeJS.ResourceUsage;
  rmSync(folder, { recursive: true });
  // Node counts memory in kibibytes and time in microseconds.
  return { status, stdout, stderr, peakBytes: 1024 * maxRSS, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6 };
}
