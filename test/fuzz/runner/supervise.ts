import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadTarget } from "../targets/index.js";
import { deathFault } from "./candidates.js";
import { Child } from "./child.js";
import { LIMITS, type Finding, type Limits } from "./job.js";
import { readJournal, type Figures } from "./journal.js";

export interface RunOptions {
  readonly script: string;
  readonly target: string;
  readonly seed: number;
  /** The first input. */
  readonly from?: number;
  /** Ends after this many inputs, or after this many seconds of CPU time. */
  readonly runs?: number;
  readonly seconds?: number;
  readonly limits?: Limits;
}

/** The results of a target's inputs. */
export interface Report {
  readonly target: string;
  readonly inputs: number;
  readonly failed: number;
  /** How many were accepted, and how many were refused by each error. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** CPU time. */
  readonly seconds: number;
  /** Milliseconds of the slowest input that ended, and its number. */
  readonly slowest: number;
  readonly slowestNumber: number;
  readonly peakBytes: number;
  /** One for each kind of fault. */
  readonly findings: readonly Finding[];
}

/** Ends a run after this many deaths, since it finds nothing new. */
const MAX_DEATHS = 6;

/**
 * Runs a target's inputs in separate processes, one after the other. Each continues after the input that killed the last
 * one.
 */
export async function runTarget(options: RunOptions): Promise<Report> {
  const { script, target, seed, from = 0, runs = Infinity, seconds = Infinity, limits = LIMITS } = options;
  const outcomes = ["accepted", ...(await loadTarget(target)).refusals];
  const to = Math.min(from + runs, Number.MAX_SAFE_INTEGER);
  const total = new Total(target);
  const folder = await mkdtemp(join(tmpdir(), "dalle2-fuzz-"));
  try {
    for (let next = from; next < to && total.seconds < seconds && total.deaths < MAX_DEATHS;) {
      await rm(join(folder, "findings.jsonl"), { force: true });
      const child = new Child(script, {
        kind: "run",
        target,
        seed,
        from: next,
        to,
        // JSON has no Infinity.
        seconds: Math.min(seconds - total.seconds, Number.MAX_SAFE_INTEGER),
        limits,
        folder,
      });
      const death = await child.end;
      const figures = existsSync(join(folder, "journal")) ? readJournal(join(folder, "journal"), outcomes) : undefined;
      if (!figures) throw new Error(`the process for ${target} did not start: ${death ?? "no journal"}`);
      total.add(figures, readFindings(folder), death);
      next = figures.running + 1;
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return total.report();
}

function readFindings(folder: string): Finding[] {
  const file = join(folder, "findings.jsonl");
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Finding);
}

class Total {
  readonly #outcomes = new Map<string, number>();
  readonly #findings = new Map<string, Finding>();
  #inputs = 0;
  #failed = 0;
  #slowest = { slowest: 0, slowestNumber: 0 };
  #peakBytes = 0;
  seconds = 0;
  deaths = 0;

  constructor(private readonly target: string) {}

  add(figures: Figures, findings: readonly Finding[], death: string | undefined): void {
    const { running, done, failed, milliseconds, slowest, slowestNumber, peakBytes, outcomes } = figures;
    const hasDied = death !== undefined;
    this.#inputs += done + Number(hasDied);
    this.#failed += failed + Number(hasDied);
    this.seconds += milliseconds / 1000;
    this.#peakBytes = Math.max(this.#peakBytes, peakBytes);
    if (slowest > this.#slowest.slowest) this.#slowest = { slowest, slowestNumber };
    for (const [name, count] of outcomes) this.#outcomes.set(name, (this.#outcomes.get(name) ?? 0) + count);
    for (const finding of findings) this.#find(finding);
    if (!hasDied) return;
    this.deaths++;
    if (!findings.some(({ number }) => number === running)) this.#find({ number: running, fault: deathFault(death) });
  }

  #find(finding: Finding): void {
    const { kind, signature } = finding.fault;
    const key = `${kind} ${signature}`;
    if (!this.#findings.has(key)) this.#findings.set(key, finding);
  }

  report(): Report {
    return {
      target: this.target,
      inputs: this.#inputs,
      failed: this.#failed,
      outcomes: this.#outcomes,
      seconds: this.seconds,
      ...this.#slowest,
      peakBytes: this.#peakBytes,
      findings: [...this.#findings.values()],
    };
  }
}
