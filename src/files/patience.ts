/** When to retry a transfer, and when to give up. */
export interface Patience {
  /** Failures in a row before giving up. Default 6. */
  readonly attempts: number;
  /** Milliseconds before the second attempt. Doubles for each further attempt, up to 30 s. Default 1000. */
  readonly pause: number;
  /**
   * Milliseconds without a byte before a connection is given up. Default 30 000. A very slow connection is given up after
   * ten times as long.
   */
  readonly stall: number;
  /** Called before each retry with the problem and the wait in milliseconds. */
  readonly onRetry?: ((problem: string, pause: number) => void) | undefined;
}

export const PATIENCE: Patience = { attempts: 6, pause: 1000, stall: 30_000 };
