import { settingsOfEach, type CascadeSettings } from "../diffusion/settings.js";
import type { Cascade, Prior } from "../models/interfaces.js";
import type { AskedPriorSettings } from "./settings.js";

/** What one network is to do in a call. */
export interface NetworkWork {
  /** Evaluations times rows of the batch. */
  readonly rows: number;
  /** Cost of one row, in the unit of the other networks; see `Prior.cost`. Default: not known. */
  readonly cost?: number | undefined;
}

/** Work of a call, for each network by name. */
export type WorkPlan = ReadonlyMap<string, NetworkWork>;

/** A network's name in a plan. */
export function networkName(phase: "prior" | "decoder", unetNumber = 0): string {
  return phase === "prior" ? "prior" : `U-Net ${unetNumber}`;
}

/** What the prior is to sample. */
export interface PriorWork extends AskedPriorSettings {
  /** Number of embeddings. */
  readonly embeddings: number;
}

/** What the decoder is to sample. */
export interface DecoderWork extends CascadeSettings {
  /** Number of images. */
  readonly images: number;
  /** First U-Net to run, counted from 1. Default 1. */
  readonly startAtUnetNumber?: number | undefined;
  /** Last U-Net to run, counted from 1. Default: the last of the decoder. */
  readonly stopAtUnetNumber?: number | undefined;
  /** How often each step is taken; where nothing is inpainted, once. */
  readonly resampleTimes?: number | undefined;
  /** How much of the first U-Net's steps is run where it starts from images. Default 1: all. */
  readonly strength?: number | undefined;
}

/** What a script is about to sample in all its calls. */
export interface ScriptWork {
  /** Default: the prior does not run. */
  readonly prior?: PriorWork | undefined;
  /** Default: the decoder does not run. */
  readonly decoder?: DecoderWork | undefined;
}

/** @internal */
export function priorPlan(prior: Prior, work: PriorWork): WorkPlan {
  const { embeddings, numSamplesPerBatch = 2 } = work;
  const rows = embeddings * prior.evaluations(work);
  const cost = prior.cost?.(work);
  return new Map([[networkName("prior"), { rows, cost: cost && numSamplesPerBatch * cost }]]);
}

/** @internal */
export function decoderPlan({ stages }: Pick<Cascade, "stages">, work: DecoderWork): WorkPlan {
  const { images, startAtUnetNumber: start = 1, stopAtUnetNumber: stop = Infinity, resampleTimes } = work;
  const { strength } = work;
  const asked = settingsOfEach(work, stages.length);
  const plan = stages.slice(start - 1, stop).map((stage, i) => {
    const index = start - 1 + i;
    const run = { resampleTimes, strength: index === 0 ? strength : undefined };
    const rows = images * stage.evaluations(asked[index], run);
    return [networkName("decoder", index + 1), { rows, cost: stage.cost?.(asked[index]) }] as const;
  });
  return new Map(plan);
}

/** What a network has done so far. */
interface Done {
  readonly work: number;
  readonly milliseconds: number;
  /** Its first step, which also brings in weights and compiles kernels. */
  readonly first: Pace;
}

type Pace = Pick<Done, "work" | "milliseconds">;

/** How long the rest of a plan will take, by the pace of each network so far. */
export class TimeEstimate {
  readonly #plan: Map<string, NetworkWork>;
  readonly #done = new Map<string, Done>();
  #last: number;

  /** Begins now. `clock` gives milliseconds. */
  constructor(
    plan: WorkPlan,
    private readonly clock: () => number = () => performance.now(),
  ) {
    this.#plan = new Map(plan);
    this.#last = clock();
  }

  /** Counts the time since the last step for this one: `rows` rows through a network. */
  step(network: string, rows: number): void {
    const now = this.clock();
    const step = { work: rows, milliseconds: now - this.#last };
    this.#last = now;
    const done = this.#done.get(network);
    this.#done.set(network, done ? { ...sum(done, step), first: done.first } : { ...step, first: step });
  }

  /** Plans what was lost once more: `rows` rows through a network. */
  repeat(network: string, rows: number): void {
    const planned = this.#plan.get(network);
    this.#plan.set(network, { ...planned, rows: (planned?.rows ?? 0) + rows });
  }

  /**
   * Networks that have not run yet are taken to be as slow as the slowest that has: for the same cost where costs are known,
   * else for the same rows. Undefined before the first step.
   */
  get millisecondsLeft(): number | undefined {
    if (this.#done.size === 0) return undefined;
    const paces = new Map([...this.#done].map(([network, done]) => [network, paceOf(done)]));
    const slowest = Math.max(...paces.values());
    const perCost = Math.max(
      0,
      ...[...paces].map(([network, pace]) => pace / (this.#plan.get(network)?.cost ?? Infinity)),
    );
    return [...this.#plan].reduce((total, [network, { rows, cost = 0 }]) => {
      const left = Math.max(0, rows - (this.#done.get(network)?.work ?? 0));
      return total + left * (paces.get(network) ?? (cost * perCost || slowest));
    }, 0);
  }
}

/** Milliseconds for a unit of work; the first step counts only until there is another. */
function paceOf({ work, milliseconds, first }: Done): number {
  if (work === first.work) return milliseconds / work;
  return (milliseconds - first.milliseconds) / (work - first.work);
}

function sum(a: Pace, b: Pace): Pace {
  return { work: a.work + b.work, milliseconds: a.milliseconds + b.milliseconds };
}
