import { readFileSync } from "node:fs";

/** Processor time in seconds since the process started. */
interface ProcessorTime {
  readonly process: number;
  /** Of the main thread. Only Linux tells. */
  readonly main: number | undefined;
}

export function processorTime(): ProcessorTime {
  const { user, system } = process.cpuUsage();
  return { process: (user + system) / 1e6, main: mainThreadTime() };
}

function mainThreadTime(): number | undefined {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0]) / 1e9;
  } catch {
    return undefined;
  }
}
