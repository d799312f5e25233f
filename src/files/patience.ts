/** How much patience a transfer has. */
export interface Patience {
  /** Failures in a row after which it is given up. Default 6. */
  readonly attempts: number;
  /** Milliseconds before the second attempt, twice as many before each further one, up to 30 s. Default 1000. */
  readonly pause: number;
  /**
   * Milliseconds without a byte after which a connection is given up. Default 30 000. One that trickles is given up after
   * ten times as many.
   */
  readonly stall: number;
  /** Told of what failed, unless it was the last attempt, and of the milliseconds before the next. */
  readonly onRetry?: ((problem: string, pause: number) => void) | undefined;
}

export const PATIENCE: Patience = { attempts: 6, pause: 1000, stall: 30_000 };
