/** What one input may take. Times are of the processor, so that a busy machine changes nothing. */
export interface Limits {
  /** Milliseconds after which an input counts as slow. */
  readonly slow: number;
  /** Milliseconds after which it is given up and its process killed. */
  readonly hang: number;
  /** Growth of resident memory, in bytes. */
  readonly memory: number;
}

export const LIMITS: Limits = { slow: 1000, hang: 4000, memory: 500e6 };

/** Inputs `from` up to `to` of a target, until the processor was busy for `seconds`. */
export interface RunJob {
  readonly kind: "run";
  readonly target: string;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  readonly seconds: number;
  readonly limits: Limits;
  /** Where journal and findings are written. */
  readonly folder: string;
}

/** Runs inputs as they are sent, one by one. */
export interface ServeJob {
  readonly kind: "serve";
  readonly target: string;
  readonly limits: Limits;
}

export type Job = RunJob | ServeJob;

/** What is wrong with how an input was treated. */
export interface Fault {
  readonly kind:
    | "untyped error"
    | "broken promise"
    | "unfit message"
    | "changed prototype"
    | "unhandled rejection"
    | "slow"
    | "memory"
    | "hang"
    | "crash";
  /** Equal for what is likely the same fault of the program. */
  readonly signature: string;
  readonly detail: string;
}

/** What became of an input: accepted, refused by an error of that name, or a fault. */
export interface Verdict {
  readonly outcome: string;
  readonly fault?: Fault | undefined;
  /** Milliseconds of the processor, or by the clock where that is less: other threads compile and collect meanwhile. */
  readonly milliseconds: number;
}

/** A line of findings.jsonl. */
export interface Finding {
  readonly number: number;
  readonly fault: Fault;
}
