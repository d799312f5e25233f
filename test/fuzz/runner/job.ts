/** Limits for one input. Times are CPU times, so a busy machine does not matter. */
export interface Limits {
  /** Milliseconds after which an input counts as slow. */
  readonly slow: number;
  /** Milliseconds after which it is given up and its process is killed. */
  readonly hang: number;
  /** Growth of resident memory, in bytes. */
  readonly memory: number;
}

export const LIMITS: Limits = { slow: 1000, hang: 4000, memory: 500e6 };

/** Inputs `from` up to `to` of a target, or fewer if `seconds` of CPU time are over. */
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

/** Runs inputs one by one as they are sent. */
export interface ServeJob {
  readonly kind: "serve";
  readonly target: string;
  readonly limits: Limits;
}

export type Job = RunJob | ServeJob;

/** A fault in the treatment of an input. */
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
  /** Equal for faults that are probably the same. */
  readonly signature: string;
  readonly detail: string;
}

/** The result of an input: accepted, refused by an error of that name, or a fault. */
export interface Verdict {
  readonly outcome: string;
  readonly fault?: Fault | undefined;
  /** Milliseconds of CPU time, or of real time if that is less, because other threads compile and collect meanwhile. */
  readonly milliseconds: number;
}

/** A line of findings.jsonl. */
export interface Finding {
  readonly number: number;
  readonly fault: Fault;
}
