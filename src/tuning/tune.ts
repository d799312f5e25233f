import type { GpuDevice } from "../gpu/device.js";
import { isLasting } from "../gpu/errors.js";
import { portableTable, type TuningTable } from "../gpu/tuning.js";
import { Dalle2Error } from "../platform/dalle2-error.js";
import { InternalError } from "../platform/internal-error.js";
import { contests as allContests, simplified, type Candidate, type Contest } from "./contests.js";
import { LEAST_GAIN, Trial } from "./measure.js";
import { namedTable } from "./table.js";

/** Options of `tuneGpu`. */
export interface TuneOptions {
  /** Called with each decision. */
  readonly onDecision?: ((decision: TuningDecision) => void) | undefined;
  /** Ends the measurement. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The decisions to make. Default: all.
   *
   * @internal
   */
  readonly contests?: readonly Contest[];
}

/** One decision of a table: which kernel is fastest for some operations. */
export interface TuningDecision {
  /** The operations: "products with 256 rows or more". */
  readonly name: string;
  /** The kernels that competed. Kernels that the adapter cannot run, or that ran as another one, are left out. */
  readonly candidates: readonly TuningTime[];
  /** Name of the kernel in the table. */
  readonly chosen: string;
}

/** How long a kernel takes. */
export interface TuningTime {
  /** The kernel: "broadcast, ownRows 4". */
  readonly name: string;
  /** Time for one run of each operation: processor time on software adapters. Infinity if it failed. */
  readonly milliseconds: number;
  /** Why it failed: an error, or another result than that of the other kernels. */
  readonly problem?: string;
}

/** What `tuneGpu` measured. */
export interface TuningResult {
  /** The fastest kernel of each decision. */
  readonly table: TuningTable;
  /** What was decided, in order. */
  readonly decisions: readonly TuningDecision[];
}

/**
 * Measures the variants of kernels on the adapter of a device, at sizes of the models, and returns a table of the fastest. Takes
 * some 20 seconds. It does not change the device, nor keep the table (`keepTuning`). Rejects with `DeviceLostError`, or with
 * the reason of `signal`.
 *
 * @example
 * using gpu = await openGpu();
 * const { table } = await tuneGpu(gpu);
 * await keepTuning(gpu.adapter, table);
 */
export async function tuneGpu(gpu: GpuDevice, options: TuneOptions = {}): Promise<TuningResult> {
  const { onDecision, signal, contests = allContests } = options;
  // Entries that are not decided yet must not affect the decisions. That of weights comes last, and starts as it was.
  const { keepsHalfWeights = false } = gpu.tuning;
  let table: TuningTable = { ...portableTable, keepsHalfWeights };
  const decisions: TuningDecision[] = [];
  for (const contest of contests) {
    const { decide, decision } = await decideContest(gpu, contest, table, signal);
    table = decide(table);
    decisions.push(decision);
    onDecision?.(decision);
  }
  gpu.trim();
  return { table: namedTable(simplified(table)), decisions };
}

/** Runs of each candidate. They take turns, so that a change of the machine's load affects all. */
const ROUNDS = 7;

interface Decided {
  readonly decide: Candidate["decide"];
  readonly decision: TuningDecision;
}

async function decideContest(
  gpu: GpuDevice,
  contest: Contest,
  table: TuningTable,
  signal: AbortSignal | undefined,
): Promise<Decided> {
  const cases = gpu.adapter.isSoftware ? contest.cases.software : contest.cases.gpu;
  using reference = await Trial.start(gpu, portableTable, cases);
  using current = await Trial.start(gpu, { ...table, [contest.key]: gpu.tuning[contest.key] }, cases);
  const trials = new Map<Candidate, Trial>();
  const failed: TuningTime[] = [];
  try {
    for (const candidate of contest.candidates) {
      if (candidate.isForGpus && gpu.adapter.isSoftware) continue;
      signal?.throwIfAborted();
      const trial = await tryTrial(() => Trial.start(gpu, candidate.decide(table), cases), reference);
      if (typeof trial === "string") failed.push({ name: candidate.name, milliseconds: Infinity, problem: trial });
      else trials.set(candidate, trial);
    }
    // A kernel that the adapter cannot run is replaced by another one, which competes, too.
    const rivals = [...trials].filter(
      ([, { kernels }], i, all) => all.findIndex(([, other]) => other.kernels === kernels) === i,
    );
    for (let round = 0; round < ROUNDS; round++) {
      signal?.throwIfAborted();
      for (const [, trial] of rivals) await trial.measure();
    }
    const { decide, name: chosen } = chooseFastest(rivals, current, contest.name);
    const times = rivals.map(([{ name }, { milliseconds }]) => ({ name, milliseconds }));
    return { decide, decision: { name: contest.name, candidates: [...times, ...failed], chosen } };
  } finally {
    for (const trial of trials.values()) trial[Symbol.dispose]();
  }
}

/** Returns the trial, or why the kernel cannot be used. */
async function tryTrial(start: () => Promise<Trial>, reference: Trial): Promise<Trial | string> {
  try {
    const trial = await start();
    const problem = trial.problemAgainst(reference);
    if (problem !== undefined) trial[Symbol.dispose]();
    return problem ?? trial;
  } catch (error) {
    if (!(error instanceof Dalle2Error) || isLasting(error)) throw error;
    return error.message;
  }
}

function chooseFastest(rivals: readonly (readonly [Candidate, Trial])[], current: Trial, name: string): Candidate {
  const [fastest] = [...rivals].sort(([, a], [, b]) => a.milliseconds - b.milliseconds);
  if (!fastest) throw new InternalError(`No kernel computes ${name}.`);
  const kept = rivals.find(([, { kernels }]) => kernels === current.kernels);
  const isGain = !kept || fastest[1].milliseconds < kept[1].milliseconds * (1 - LEAST_GAIN);
  return isGain ? fastest[0] : kept[0];
}
