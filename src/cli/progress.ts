import type { ScriptProgress } from "../pipeline/script-options.js";
import { networkName, type WorkPlan } from "./drawing.js";

/** How far a plan is done, and how long the rest will take by the pace of each network so far. */
export class Estimate {
  readonly #done = new Map<string, { work: number; milliseconds: number }>();

  constructor(private readonly plan: WorkPlan) {}

  /** Counts work that a network has done in that time. */
  add(network: string, work: number, milliseconds: number): void {
    const { work: before, milliseconds: spent } = this.#of(network);
    this.#done.set(network, { work: before + work, milliseconds: spent + milliseconds });
  }

  /** A network that has not run yet is taken to be as slow as the slowest that has. */
  get millisecondsLeft(): number {
    const paces = new Map([...this.#done].map(([network, { work, milliseconds }]) => [network, milliseconds / work]));
    const slowest = Math.max(0, ...paces.values());
    return [...this.plan].reduce((sum, [network, work]) => {
      return sum + Math.max(0, work - this.#of(network).work) * (paces.get(network) ?? slowest);
    }, 0);
  }

  /** Share of the time that is over, 0 to 1. */
  get fraction(): number {
    const spent = [...this.#done.values()].reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    return spent === 0 ? 0 : spent / (spent + this.millisecondsLeft);
  }

  #of(network: string): { work: number; milliseconds: number } {
    return this.#done.get(network) ?? { work: 0, milliseconds: 0 };
  }
}

/** Minutes and seconds, as 2:05; hours in front where there are any. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const pad = (value: number): string => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = pad(seconds % 60);
  return hours > 0 ? `${hours}:${pad(minutes)}:${rest}` : `${minutes}:${rest}`;
}

const BAR = 24;
const CLEAR_LINE = "\r\u001b[K";

/**
 * Shows on standard error how a drawing goes on: a bar with the time left at a terminal, elsewhere a line for each network
 * and batch. `quiet` shows nothing.
 */
export class ProgressReport {
  readonly #estimate: Estimate;
  readonly #isTerminal = process.stderr.isTTY;
  #last = performance.now();
  #heading = "";
  #shown = 0;

  constructor(
    plan: WorkPlan,
    private readonly pictures: number,
    private readonly batchSizes: { readonly prior: number; readonly decoder: number },
    private readonly quiet: boolean,
  ) {
    this.#estimate = new Estimate(plan);
  }

  /** Takes the progress of a script. `drawn` pictures are finished. */
  update({ phase, unetNumber, step, steps, batch }: ScriptProgress, drawn: number): void {
    const now = performance.now();
    const network = networkName(phase, unetNumber);
    const start = phase === "prior" ? (batch - 1) * this.batchSizes.prior : drawn;
    const count = Math.min(this.batchSizes[phase], this.pictures - start);
    this.#estimate.add(network, count, now - this.#last);
    this.#last = now;
    if (this.quiet) return;
    if (this.#isTerminal) process.stderr.write(`${CLEAR_LINE}${this.#bar()}  ${network}, step ${step} of ${steps}`);
    else this.#writeHeading(network, start, count);
  }

  /** Takes the bar away, so that a line can be printed. */
  clear(): void {
    if (this.#isTerminal && !this.quiet) process.stderr.write(CLEAR_LINE);
  }

  #bar(): string {
    const { fraction, millisecondsLeft } = this.#estimate;
    // The first step of a slow network shows that less is done than it seemed; the bar waits there.
    this.#shown = Math.max(this.#shown, fraction);
    const filled = Math.round(this.#shown * BAR);
    const percent = String(Math.floor(this.#shown * 100)).padStart(3);
    return `${"█".repeat(filled)}${"░".repeat(BAR - filled)} ${percent} %  ${formatDuration(millisecondsLeft)} left`;
  }

  #writeHeading(network: string, start: number, count: number): void {
    const range = count === 1 ? `picture ${start + 1}` : `pictures ${start + 1} to ${start + count}`;
    const heading = `${network}: ${range} of ${this.pictures}`;
    if (heading === this.#heading) return;
    this.#heading = heading;
    process.stderr.write(`${heading}\n`);
  }
}
