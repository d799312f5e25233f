import type { CommandStream } from "../../gpu/stream.js";

/** How long one run of some work takes, in milliseconds. */
export interface Time {
  readonly wall: number;
  /** Processor time of this process, which on a software adapter includes the adapter's work. */
  readonly cpu: number;
}

export interface Clock {
  /** Milliseconds, monotonic. */
  wall(): number;
  /** Milliseconds of processor time of this process. */
  cpu(): number;
}

export const processClock: Clock = {
  wall: () => performance.now(),
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
};

/** A sample is at least so long, so that the time to submit work and to wait for it does not count. */
const SAMPLE_MS = 50;
const MOST_REPEATS = 256;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * Returns the median time of `encode`, which encodes work on the stream. Encodes it several times for each wait if it is short. Takes
 * about `budget` milliseconds after the first run, which compiles; at least one sample is taken.
 */
export async function timeOf(
  stream: Pick<CommandStream, "sync">,
  encode: () => void,
  budget: number,
  clock: Clock = processClock,
): Promise<Time> {
  const sample = async (repeats: number): Promise<Time> => {
    const [wall, cpu] = [clock.wall(), clock.cpu()];
    for (let i = 0; i < repeats; i++) encode();
    await stream.sync();
    return { wall: (clock.wall() - wall) / repeats, cpu: (clock.cpu() - cpu) / repeats };
  };
  await sample(1);
  const end = clock.wall() + budget;
  const once = await sample(1);
  const repeats = Math.max(1, Math.min(MOST_REPEATS, Math.ceil(SAMPLE_MS / once.wall)));
  const samples = repeats === 1 ? [once] : [];
  do samples.push(await sample(repeats));
  while (clock.wall() < end);
  return { wall: median(samples.map((one) => one.wall)), cpu: median(samples.map((one) => one.cpu)) };
}
