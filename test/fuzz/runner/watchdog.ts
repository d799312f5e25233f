// A thread beside the one that runs inputs, which may hang: it kills the process when the processor was busy with one input
// for too long, or when an input neither ends nor does anything.
import { appendFileSync } from "node:fs";
import process from "node:process";
import { workerData } from "node:worker_threads";
import type { Finding } from "./job.js";

export interface Watched {
  /** The input in progress; -1 while there is none. */
  readonly running: Int32Array;
  /** Milliseconds of the processor. */
  readonly limit: number;
  /** Where to say which input it was. */
  readonly findings?: string | undefined;
}

const INTERVAL = 100;
/** Milliseconds after which an input that takes no time of the processor will not end. */
const IDLE_LIMIT = 120_000;

const { running, limit, findings } = workerData as Watched;
let watched = { number: -1, cpu: 0, since: 0 };

function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

setInterval(() => {
  const number = Atomics.load(running, 0);
  if (number === -1 || number !== watched.number) {
    watched = { number, cpu: cpuTime(), since: performance.now() };
    return;
  }
  const busy = cpuTime() - watched.cpu;
  if (busy < limit && performance.now() - watched.since < Math.max(IDLE_LIMIT, limit)) return;
  const detail = busy < limit ? "waits for what never comes" : `still runs after ${Math.round(busy)} ms`;
  const finding: Finding = { number, fault: { kind: "hang", signature: "hang", detail } };
  if (findings !== undefined) appendFileSync(findings, `${JSON.stringify(finding)}\n`);
  process.kill(process.pid, "SIGKILL");
}, INTERVAL);
