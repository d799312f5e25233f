// Writes the state of a run to files as it goes, so that it survives a killed process.
import { appendFileSync, closeSync, openSync, readFileSync, writeSync } from "node:fs";
import type { Finding } from "./job.js";

const OUTCOMES = 12;
const FIELDS = ["running", "done", "failed", "milliseconds", "slowest", "slowestNumber", "peakBytes"] as const;
type Field = (typeof FIELDS)[number];

/** The figures of a run. `running` is the current input; `milliseconds` are CPU time. */
export type Figures = Readonly<Record<Field, number>> & { readonly outcomes: ReadonlyMap<string, number> };

export class JournalWriter {
  readonly #values = new Float64Array(FIELDS.length + OUTCOMES);
  readonly #file: number;

  /** `outcomes` are the names of possible results. */
  constructor(
    path: string,
    private readonly outcomes: readonly string[],
  ) {
    if (outcomes.length > OUTCOMES) throw new Error(`a journal counts at most ${OUTCOMES} outcomes`);
    this.#file = openSync(path, "w");
  }

  get(field: Field): number {
    return this.#values[FIELDS.indexOf(field)]!;
  }

  set(field: Field, value: number): void {
    this.#values[FIELDS.indexOf(field)] = value;
  }

  count(outcome: string): void {
    const index = this.outcomes.indexOf(outcome);
    if (index >= 0) this.#values[FIELDS.length + index]! += 1;
  }

  write(): void {
    writeSync(this.#file, this.#values, 0, this.#values.byteLength, 0);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** The last written figures; undefined if there are none. */
export function readJournal(path: string, outcomes: readonly string[]): Figures | undefined {
  const bytes = readFileSync(path);
  if (bytes.length === 0) return undefined;
  const values = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const figures = Object.fromEntries(FIELDS.map((field, i) => [field, values[i]!])) as Record<Field, number>;
  return { ...figures, outcomes: new Map(outcomes.map((outcome, i) => [outcome, values[FIELDS.length + i]!])) };
}

/** Writes the first finding of each signature. */
export class FindingWriter {
  readonly #signatures = new Set<string>();

  constructor(private readonly file: string) {}

  add(finding: Finding): void {
    const { kind, signature } = finding.fault;
    if (this.#signatures.size !== this.#signatures.add(`${kind} ${signature}`).size) {
      appendFileSync(this.file, `${JSON.stringify(finding)}\n`);
    }
  }
}
