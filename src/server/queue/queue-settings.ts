// Times and bounds that servers and workers of a queue have in common.

/** How jobs are tried and kept. */
export interface QueueTimes {
  /** Attempts of a job that fails. After the last, it is set aside: it is in the list of dead letters. Default: 3. */
  readonly attempts: number;
  /** Pause before the next attempt. Default: 0.5 s. */
  readonly retryMs: number;
  /** How long an outcome is kept for servers that did not fetch it. Default: 1 hour. */
  readonly keepSeconds: number;
  /** How long dead letters and their input images are kept. Default: 7 days. */
  readonly keepDeadSeconds: number;
  /** The most dead letters of a model that are kept. Default: 1000. */
  readonly maxDead: number;
}

/** The defaults. */
export const QUEUE_TIMES: QueueTimes = {
  attempts: 3,
  retryMs: 500,
  keepSeconds: 3600,
  keepDeadSeconds: 7 * 24 * 3600,
  maxDead: 1000,
};

/** Seconds that an outcome is kept after a server fetched it: another may wait for the same job. */
export const FETCHED_SECONDS = 60;
