import type { UnreachableHosts } from "./unreachable-hosts.js";
import { TransientError } from "./http-error.js";
import type { Patience } from "./patience.js";
import type { HttpOptions } from "./request.js";

const LONGEST_PAUSE = 30_000;

/** Retry options for the servers of a run. */
export interface RunPatience extends Patience {
  /** Servers to skip. Default: each call tries its server. */
  readonly hosts?: UnreachableHosts | undefined;
}

/**
 * Runs `body`, which sends requests to the server of `url`, and repeats it after growing pauses while it fails with
 * TransientError. After a failure, `hasAdvanced` says whether there was progress since the last one; if so, the count restarts.
 */
export async function withRetries<Result>(
  url: string,
  { attempts, pause, onRetry, hosts }: RunPatience,
  signal: AbortSignal | undefined,
  body: () => Promise<Result>,
  hasAdvanced: () => boolean = () => false,
): Promise<Result> {
  hosts?.check(url, attempts);
  for (let failures = 0; ;) {
    signal?.throwIfAborted();
    try {
      const result = await body();
      hosts?.markReachable(url);
      return result;
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      failures = hasAdvanced() ? 1 : failures + 1;
      if (failures >= attempts) {
        hosts?.markFailed(url, attempts, error);
        throw error;
      }
      const backoff = Math.min(LONGEST_PAUSE, pause * 2 ** (failures - 1));
      // Jitter, so that clients of the same server do not all retry at the same moment.
      const wait = Math.min(LONGEST_PAUSE, error.retryAfter ?? backoff * (0.5 + Math.random() / 2));
      onRetry?.(`${error.location}: ${error.problem}`, wait);
      await sleep(wait, signal);
    }
  }
}

function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

// A connection slower than this for ten stall times would take days for a model, so it is given up.
const SLOWEST_BYTES_PER_SECOND = 4096;
const STALLS_FOR_SLOW = 10;

/** Reports that more bytes of a response have arrived. */
export type Alive = (bytes: number) => void;

/**
 * Runs a request whose response `body` reads, calling `alive` as bytes arrive. If none arrive for `stall` milliseconds, or they
 * arrive too slowly, aborts the signal given to `body` and rejects with TransientError.
 */
export async function withoutStall<Result>(
  url: string,
  { stall }: Pick<Patience, "stall">,
  options: HttpOptions,
  body: (options: HttpOptions, alive: Alive) => Promise<Result>,
): Promise<Result> {
  const stalled = new AbortController();
  const giveUp = (problem: string): void => {
    const isUnreachable = received === 0;
    stalled.abort(new TransientError(url, problem, { advice: "try again later", isUnreachable }));
  };
  const wait = () =>
    setTimeout(() => {
      giveUp(`nothing came from the server for ${stall / 1000} s`);
    }, stall);
  const begin = performance.now();
  let received = 0;
  let timer = wait();
  const alive: Alive = (bytes) => {
    received += bytes;
    const seconds = (performance.now() - begin) / 1000;
    clearTimeout(timer);
    timer = wait();
    if (seconds * 1000 > STALLS_FOR_SLOW * stall && received < seconds * SLOWEST_BYTES_PER_SECOND)
      giveUp(`the server sent only ${received} bytes in ${Math.round(seconds)} s`);
  };
  const signal = options.signal ? AbortSignal.any([options.signal, stalled.signal]) : stalled.signal;
  try {
    return await body({ ...options, signal }, alive);
  } finally {
    clearTimeout(timer);
  }
}
