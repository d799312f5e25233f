// The process that runs inputs. supervise.ts starts it again if an input kills it.
import { join } from "node:path";
import process from "node:process";
import { Worker } from "node:worker_threads";
import { inputOf, loadTarget } from "../targets/index.js";
import { examine } from "./examine.js";
import type { Fault, Job, RunJob, ServeJob, Verdict } from "./job.js";
import { FindingWriter, JournalWriter } from "./journal.js";
import type { Watched } from "./watchdog.js";

const job = JSON.parse(process.argv[2]!) as Job;
const target = await loadTarget(job.target);
const running = new Int32Array(new SharedArrayBuffer(4)).fill(-1);
const findings = job.kind === "run" ? join(job.folder, "findings.jsonl") : undefined;
const watched: Watched = { running, limit: job.limits.hang, findings };
new Worker(new URL("watchdog.js", import.meta.url), { workerData: watched }).unref();

let rejection: Fault | undefined;
process.on("unhandledRejection", (reason) => {
  const detail = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
  rejection = { kind: "unhandled rejection", signature: detail.split("\n")[0]!, detail };
});

if (job.kind === "run") await run(job);
else serve(job);

async function run({ seed, from, to, seconds, limits, folder }: RunJob): Promise<void> {
  const journal = new JournalWriter(join(folder, "journal"), ["accepted", ...target.refusals]);
  const report = new FindingWriter(findings!);
  const start = peakBytes();
  for (let number = from; number < to && cpuSeconds() < seconds; number++) {
    journal.set("running", number);
    journal.write();
    const verdict = await runOne(number, inputOf(target, job.target, seed, number));
    const peak = peakBytes();
    const fault = verdict.fault ?? memoryFault(start, peak, limits.memory);
    journal.count(verdict.outcome);
    if (fault) {
      journal.set("failed", journal.get("failed") + 1);
      report.add({ number, fault });
    }
    journal.set("done", number - from + 1);
    journal.set("peakBytes", peak);
    journal.set("milliseconds", 1000 * cpuSeconds());
    if (verdict.milliseconds > journal.get("slowest")) {
      journal.set("slowest", verdict.milliseconds);
      journal.set("slowestNumber", number);
    }
    // Memory that an input left must not count for the next one: another process continues.
    if (fault?.kind === "memory") break;
  }
  journal.write();
  journal.close();
  process.exit();
}

function serve({ limits }: ServeJob): void {
  const start = peakBytes();
  process.on("message", (input: Uint8Array) => {
    void runOne(0, input).then((verdict) => {
      const fault = verdict.fault ?? memoryFault(start, peakBytes(), limits.memory);
      process.send!({ ...verdict, fault } satisfies Verdict);
    });
  });
  process.send!("ready");
}

async function runOne(number: number, input: Uint8Array): Promise<Verdict> {
  Atomics.store(running, 0, number);
  const verdict = await examine(target, input, job.limits);
  // Node reports unhandled rejections when the event loop turns.
  await new Promise(setImmediate);
  Atomics.store(running, 0, -1);
  const unhandled = rejection;
  rejection = undefined;
  return unhandled ? { ...verdict, outcome: "failed", fault: verdict.fault ?? unhandled } : verdict;
}

function memoryFault(start: number, peak: number, limit: number): Fault | undefined {
  if (peak - start <= limit) return undefined;
  const detail = `resident memory grew from ${Math.round(start / 1e6)} to ${Math.round(peak / 1e6)} MB`;
  return { kind: "memory", signature: "memory", detail };
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Node reports the peak of resident memory in kibibytes. */
function peakBytes(): number {
  return 1024 * process.resourceUsage().maxRSS;
}
