import { access } from "node:fs/promises";
import { readdirSync, readFileSync } from "node:fs";

/** Processor time in seconds since the process started. */
interface ProcessorTime {
  readonly process: number;
  /** Of the threads of Node itself: JavaScript, collection of garbage, files. Only Linux tells. */
  readonly node: number | undefined;
}

/**
 * Threads that are there before a device is opened. Without them, the collector's threads would count as work of the driver:
 * they free large results of the contender that ran before.
 */
const nodeThreads = await startedThreads();

async function startedThreads(): Promise<readonly string[]> {
  // Node starts its threads for files with the first use of one.
  await Promise.all(Array.from({ length: 4 }, () => access(".")));
  try {
    return readdirSync("/proc/self/task");
  } catch {
    return [];
  }
}

export function processorTime(): ProcessorTime {
  const { user, system } = process.cpuUsage();
  return { process: (user + system) / 1e6, node: nodeTime() };
}

function nodeTime(): number | undefined {
  if (nodeThreads.length === 0) return undefined;
  return nodeThreads.reduce((sum, thread) => sum + threadTime(thread), 0);
}

function threadTime(thread: string): number {
  try {
    return Number(readFileSync(`/proc/self/task/${thread}/schedstat`, "utf8").split(" ")[0]) / 1e9;
  } catch {
    // The thread has ended; the time of the process still has its part, which is small.
    return 0;
  }
}
