import { processorTime } from "./processor-time.js";

/** Something that is measured in turns with others. */
export interface Contender {
  readonly name: string;
  /** Computes once, and returns the result on the host. */
  run(): Promise<Float32Array>;
  dispose?(): void | Promise<void>;
}

/** One run, in seconds. */
export interface Sample {
  readonly wall: number;
  /** Processor time of the process. */
  readonly cpu: number;
  /** Of all its threads but Node's own, where the system tells: the work of a software adapter's driver. */
  readonly workers: number | null;
}

/** Medians, in seconds. */
export interface Timing extends Sample {
  /** Wall time of the first run, which compiles kernels and uploads weights. */
  readonly first: number;
  readonly rounds: number;
}

export interface Outcome {
  readonly name: string;
  /** Undefined if it failed. */
  readonly timing: Timing | undefined;
  readonly result: Float32Array | undefined;
  readonly failure: string | undefined;
}

export interface Rounds {
  readonly rounds: number;
  /** Rounds that are run even if they exceed the budget. */
  readonly minRounds: number;
  /** Seconds for all rounds together. */
  readonly budget: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export async function sample(run: () => Promise<unknown>): Promise<Sample> {
  const before = processorTime();
  const start = performance.now();
  await run();
  const wall = (performance.now() - start) / 1000;
  const after = processorTime();
  const cpu = after.process - before.process;
  const hasThreads = after.node !== undefined && before.node !== undefined;
  return { wall, cpu, workers: hasThreads ? Math.max(0, cpu - (after.node - before.node)) : null };
}

export function medianOf(samples: readonly Sample[]): Sample {
  const workers = samples.map((one) => one.workers).filter((time) => time !== null);
  return {
    wall: median(samples.map(({ wall }) => wall)),
    cpu: median(samples.map(({ cpu }) => cpu)),
    workers: workers.length === samples.length ? median(workers) : null,
  };
}

/** A contender in a round, with what it has done so far. */
class Running {
  readonly samples: Sample[] = [];
  first = 0;
  result: Float32Array | undefined;
  failure: string | undefined;

  constructor(readonly contender: Contender) {}

  async turn(): Promise<void> {
    if (this.failure !== undefined) return;
    try {
      this.samples.push(
        await sample(async () => {
          this.result = await this.contender.run();
        }),
      );
    } catch (error) {
      this.failure = (error instanceof Error ? error.message : String(error)).slice(0, 200);
    }
  }

  get outcome(): Outcome {
    const { contender, samples, first, result, failure } = this;
    const timing = failure === undefined ? { ...medianOf(samples), first, rounds: samples.length } : undefined;
    return { name: contender.name, timing, result, failure };
  }
}

/**
 * Measures contenders in turns in one process, so that what else the machine does falls on all of them. Each runs twice before:
 * once to compile, once to warm up. One that fails is left out from then on.
 */
export async function interleave(contenders: readonly Contender[], { rounds, minRounds, budget }: Rounds) {
  const all = contenders.map((contender) => new Running(contender));
  for (const one of all) {
    await one.turn();
    one.first = one.samples[0]?.wall ?? 0;
    await one.turn();
    one.samples.length = 0;
  }
  const start = performance.now();
  for (let round = 0; round < rounds; round++) {
    if (round >= minRounds && (performance.now() - start) / 1000 > budget) break;
    for (const one of round % 2 === 0 ? all : all.toReversed()) await one.turn();
  }
  for (const contender of contenders) await contender.dispose?.();
  return all.map(({ outcome }) => outcome);
}

const cell = new Int32Array(new SharedArrayBuffer(4));

/**
 * A contender whose event loop sleeps up to a millisecond in each turn while it waits. Without that, Dawn's binding for Node
 * keeps the main thread busy, which takes a core from software adapters.
 */
export function quietly(contender: Contender): Contender {
  const run = async (): Promise<Float32Array> => {
    let waits = true;
    const turn = (): void => {
      if (!waits) return;
      Atomics.wait(cell, 0, 0, 1);
      setImmediate(turn);
    };
    setImmediate(turn);
    try {
      return await contender.run();
    } finally {
      waits = false;
    }
  };
  return { ...contender, run };
}
