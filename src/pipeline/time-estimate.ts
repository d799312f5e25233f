import { settingsOfEach, type CascadeSettings } from "../diffusion/settings.js";
import type { Cascade, Prior } from "../models/interfaces.js";
import type { StageInfo } from "../models/stage-info.js";
import { canvasSize } from "./canvas.js";
import type { Canvas } from "./canvas-options.js";
import type { AskedPriorSettings } from "./settings.js";

/** Work of one network in a call. */
export interface NetworkWork {
  /** Evaluations × rows of the batch. */
  readonly rows: number;
  /** Cost of one row, in the same unit for all networks; see `Prior.cost`. Absent if it is not known. */
  readonly cost?: number | undefined;
}

/** Work of a call by name of the network. */
export type WorkPlan = ReadonlyMap<string, NetworkWork>;

/** Returns the name of a network in a plan. */
export function networkName(phase: "prior" | "decoder", unetNumber = 0): string {
  return phase === "prior" ? "prior" : `U-Net ${unetNumber}`;
}

/** What the prior will sample. */
export interface PriorWork extends AskedPriorSettings {
  /** Number of embeddings. */
  readonly embeddings: number;
  /** Share of the steps that is run from image embeddings. Default 1. */
  readonly strength?: number | undefined;
}

/** What the decoder will sample. */
export interface DecoderWork extends CascadeSettings, Canvas {
  /** Number of images. */
  readonly images: number;
  /** Last U-Net to run, counted from 1. Default: the last of the decoder. */
  readonly stopAtUnetNumber?: number | undefined;
  /** How often each step is repeated in inpainting. Default 1. */
  readonly resampleTimes?: number | undefined;
  /** Share of the steps of U-Net 1 that is run from initial images. Default 1. */
  readonly strength?: number | undefined;
}

/** What a script will sample in all its calls. */
export interface ScriptWork {
  /** Default: the prior does not run. */
  readonly prior?: PriorWork | undefined;
  /** Default: the decoder does not run. */
  readonly decoder?: DecoderWork | undefined;
}

/**
 * The candidates for each embedding: those that a call gives, or else the prior's own.
 *
 * @internal
 */
export function candidatesOf(prior: Prior, { numSamplesPerBatch }: AskedPriorSettings): number {
  return numSamplesPerBatch ?? prior.numSamplesPerBatch ?? 2;
}

/** @internal */
export function priorPlan(prior: Prior, work: PriorWork): WorkPlan {
  const rows = work.embeddings * prior.evaluations(work, { strength: work.strength });
  const cost = prior.cost?.(work);
  return new Map([[networkName("prior"), { rows, cost: cost && candidatesOf(prior, work) * cost }]]);
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
    const cost = stage.cost?.(asked[index]);
    return [networkName("decoder", index + 1), { rows, cost: cost && cost * areaOf(stage.info, work) }] as const;
  });
  return new Map(plan);
}

/** How many times more pixels an image has than one of the stage's own size: its cost grows about as much. */
function areaOf(info: StageInfo, work: Canvas): number {
  const { width, height } = canvasSize(info, work);
  return info.sizeUnit === undefined ? 1 : (width * height) / info.imageSize ** 2;
}

/** Work of a network so far. */
interface Done {
  readonly work: number;
  readonly milliseconds: number;
  /** Its first step, which also loads weights and compiles kernels. */
  readonly first: Pace;
}

type Pace = Pick<Done, "work" | "milliseconds">;

/** Estimates the time that the rest of a plan takes, from the pace of each network so far. */
export class TimeEstimate {
  readonly #plan: Map<string, NetworkWork>;
  readonly #done = new Map<string, Done>();
  #last: number;

  /** Starts now. `clock` returns milliseconds. */
  constructor(
    plan: WorkPlan,
    private readonly clock: () => number = () => performance.now(),
  ) {
    this.#plan = new Map(plan);
    this.#last = clock();
  }

  /** Counts the time since the last step for this step: a network has computed `rows` rows. */
  step(network: string, rows: number): void {
    const now = this.clock();
    const step = { work: rows, milliseconds: now - this.#last };
    this.#last = now;
    const done = this.#done.get(network);
    this.#done.set(network, done ? { ...sum(done, step), first: done.first } : { ...step, first: step });
  }

  /** Adds work that must be repeated: `rows` rows of a network. */
  repeat(network: string, rows: number): void {
    const planned = this.#plan.get(network);
    this.#plan.set(network, { ...planned, rows: (planned?.rows ?? 0) + rows });
  }

  /**
   * Estimated time left. A network that has not run yet counts as the slowest one so far: with the same time for the same
   * cost if costs are known, or else for the same rows. Undefined before the first step.
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

/** Milliseconds for a unit of work. The first step counts only until there is a second. */
function paceOf({ work, milliseconds, first }: Done): number {
  if (work === first.work) return milliseconds / work;
  return (milliseconds - first.milliseconds) / (work - first.work);
}

function sum(a: Pace, b: Pace): Pace {
  return { work: a.work + b.work, milliseconds: a.milliseconds + b.milliseconds };
}
