import { interleave, type Contender, type Outcome, type Rounds, type Timing } from "../lib/measure.js";
import { load } from "../lib/results.js";

/** One contender in a row. */
export interface Compared {
  readonly contender: string;
  /** Null if it failed. */
  readonly timing: Timing | null;
  /** Largest error relative to the largest expected value. */
  readonly error: number | null;
  /** Whether the result is right. A wrong one is not compared with others. */
  readonly isRight: boolean;
  readonly failure?: string;
}

export interface ComparedRow {
  readonly name: string;
  readonly kind: string;
  readonly flops: number | null;
  readonly bytes: number | null;
  readonly load: number;
  readonly contenders: readonly Compared[];
}

interface Comparison {
  readonly name: string;
  readonly kind: string;
  readonly flops?: number | undefined;
  readonly bytes?: number | undefined;
  readonly contenders: readonly Contender[];
  readonly rounds: Rounds;
  /** Largest error of a result relative to the largest expected value. */
  errorOf: (contender: string, result: Float32Array) => number;
  /** The largest that is right. */
  toleranceOf: (contender: string) => number;
}

export async function compare(comparison: Comparison): Promise<ComparedRow> {
  const { name, kind, flops = null, bytes = null, contenders, rounds } = comparison;
  const before = load();
  const outcomes = await interleave(contenders, rounds);
  const row = {
    name,
    kind,
    flops,
    bytes,
    load: Math.max(before, load()),
    contenders: outcomes.map((outcome) => judge(outcome, comparison)),
  };
  console.log(describe(row));
  return row;
}

function judge({ name, timing, result, failure }: Outcome, { errorOf, toleranceOf }: Comparison): Compared {
  if (!timing || !result) {
    return { contender: name, timing: null, error: null, isRight: false, failure: failure ?? "no result" };
  }
  const error = errorOf(name, result);
  return { contender: name, timing, error, isRight: error <= toleranceOf(name) };
}

/** Largest difference relative to the largest expected value; infinite if anything is not finite. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let [worst, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!Number.isFinite(difference)) return Infinity;
    worst = Math.max(worst, difference);
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return worst / (largest || 1);
}

/**
 * Processor time of the computation: of the driver's threads where the system tells, without the main thread, which also converts and
 * waits. onnxruntime's CPU provider computes on the main thread, too.
 */
export function computeTime({ contender, timing }: Compared): number {
  if (!timing) return NaN;
  return contender.endsWith("CPU provider") ? timing.cpu : (timing.workers ?? timing.cpu);
}

const milliseconds = (seconds: number | null): string =>
  seconds === null ? "-".padStart(8) : (seconds * 1000).toFixed(2).padStart(8);

function describe({ name, flops, bytes, load: loadNow, contenders }: ComparedRow): string {
  const [base] = contenders;
  const lines = contenders.map((compared) => {
    const { contender, timing, error, isRight, failure } = compared;
    if (!timing) return `  ${contender.padEnd(32)} ${failure ?? ""}`;
    const work = flops ?? bytes ?? 0;
    const time = computeTime(compared);
    const ratio = time / (base ? computeTime(base) : NaN);
    const columns = [
      contender.padEnd(32),
      `first ${timing.first.toFixed(2).padStart(6)} s`,
      `wall ${milliseconds(timing.wall)}`,
      `cpu ${milliseconds(timing.cpu)}`,
      `workers ${milliseconds(timing.workers)} ms`,
      `${(work / time / 1e9).toFixed(2).padStart(7)} G/s`,
      `×${ratio.toFixed(2).padStart(5)}`,
      `error ${error?.toExponential(0) ?? ""}${isRight ? "" : " WRONG"}`,
    ];
    return `  ${columns.join("  ")}`;
  });
  return [`\n${name}  (load ${loadNow.toFixed(1)})`, ...lines].join("\n");
}
