// A thread beside the one that runs inputs, which may hang. It kills the process if one input used too much CPU time, or if
// an input neither ends nor uses any.
import { appendFileSync } from "node:fs";
import process from "node:process";
import { workerData } from "node:worker_threads";
import type { Finding } from "./job.js";

export interface Watched {
  /** The current input; -1 if there is none. */
  readonly running: Int32Array;
  /** Milliseconds of CPU time. */
  readonly limit: number;
  /** The file for the number of the input. */
  readonly findings?: string | undefined;
}

const INTERVAL = 100;
/** Milliseconds after which an input that uses no CPU time counts as hanging. */
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
