import { TransientError } from "./http-error.js";
import type { HttpOptions } from "./request.js";

/** How much patience a transfer has. */
export interface Patience {
  /** Failures in a row after which it is given up. Default 6. */
  readonly attempts: number;
  /** Milliseconds before the second attempt, twice as many before each further one, up to 30 s. Default 1000. */
  readonly pause: number;
  /** Milliseconds without a byte after which a connection is given up. Default 30 000. */
  readonly stall: number;
  /** Told of what failed, unless it was the last attempt, and of the milliseconds before the next. */
  readonly onRetry?: ((problem: string, pause: number) => void) | undefined;
}

export const PATIENCE: Patience = { attempts: 6, pause: 1000, stall: 30_000 };

const LONGEST_PAUSE = 30_000;

/**
 * Runs `body` again while it fails with TransientError, after longer and longer pauses. `hasAdvanced` says after a failure
 * whether it got on since the one before; then the count starts anew.
 */
export async function withRetries<Result>(
  { attempts, pause, onRetry }: Patience,
  signal: AbortSignal | undefined,
  body: () => Promise<Result>,
  hasAdvanced: () => boolean = () => false,
): Promise<Result> {
  for (let failures = 0; ;) {
    signal?.throwIfAborted();
    try {
      return await body();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      failures = hasAdvanced() ? 1 : failures + 1;
      if (failures >= attempts) throw error;
      const backoff = Math.min(LONGEST_PAUSE, pause * 2 ** (failures - 1));
      // Jitter, so that all who lost the same server do not come back at the same moment.
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

/**
 * Runs a request whose answer `body` reads, calling `alive` at each sign of life. Without one for `stall` milliseconds the
 * signal that it gets is aborted, and it rejects with TransientError.
 */
export async function withoutStall<Result>(
  url: string,
  { stall }: Patience,
  options: HttpOptions,
  body: (options: HttpOptions, alive: () => void) => Promise<Result>,
): Promise<Result> {
  const stalled = new AbortController();
  const giveUp = (): void => {
    const problem = `nothing came from the server for ${stall / 1000} s`;
    stalled.abort(new TransientError(url, problem, { advice: "try again later" }));
  };
  let timer = setTimeout(giveUp, stall);
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(giveUp, stall);
  };
  const signal = options.signal ? AbortSignal.any([options.signal, stalled.signal]) : stalled.signal;
  try {
    return await body({ ...options, signal }, alive);
  } finally {
    clearTimeout(timer);
  }
}
