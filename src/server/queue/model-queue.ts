import type { Job as QueuedJob, Queue, Worker } from "bullmq";
import type { QueueConnection } from "./connection.js";

/** How a worker holds jobs. */
export interface HoldTimes {
  /** A worker that does not renew its lock of a job in this time has lost the job to others. Default: 10 s. */
  readonly lockMs: number;
  /** How often a job may be lost so before it is set aside. Default: 3. */
  readonly maxLosses: number;
}

/** The defaults. */
export const HOLD_TIMES: HoldTimes = { lockMs: 10_000, maxLosses: 3 };

/** A job that a worker has taken: only who has the token may end it. */
export interface TakenJob {
  readonly queued: QueuedJob;
  readonly token: string;
}

/** The next job of a queue, before it is taken. */
export interface Head {
  readonly data: unknown;
  /** How long this worker has seen it waiting. Its own clock measures it: those of other machines may differ. */
  readonly waitedMs: number;
  /** How long jobs have waited without this worker taking one. */
  readonly neglectedMs: number;
}

/** The queue of a model as a worker uses it. */
export class ModelQueue {
  readonly #queue: Queue;
  readonly #worker: Worker;
  /** The job that is next, and since when it has been. */
  readonly #seen = { id: "", at: 0 };
  #neglectedSince: number | undefined;

  constructor(connection: QueueConnection, model: string, { lockMs, maxLosses }: HoldTimes) {
    this.#queue = connection.queue(model);
    const { Worker, createRedisBackend } = connection.libraries.bullmq;
    // Jobs are fetched by hand, several at once, so it needs no processor and no connection that blocks.
    this.#worker = new Worker(
      this.#queue.name,
      null,
      {
        connection: connection.redis,
        prefix: connection.names.prefix,
        autorun: false,
        lockDuration: lockMs,
        stalledInterval: Math.max(100, lockMs / 2),
        maxStalledCount: maxLosses,
        skipVersionCheck: true,
      },
      (name, options) => createRedisBackend(name, options),
    );
    // The connection reports outages.
    this.#worker.on("error", () => undefined);
    void this.#worker.startStalledCheckTimer();
  }

  /** The next job, or the first of those that pause before their next attempt; undefined if there is none. */
  async head(): Promise<Head | undefined> {
    const [lost] = await this.#queue.getWaiting(0, 0);
    const [next] = lost ? [lost] : await this.#queue.getPrioritized(0, 0);
    const [first] = next ? [next] : await this.#queue.getDelayed(0, 0);
    if (first?.id === undefined) {
      this.#seen.id = "";
      this.#neglectedSince = undefined;
      return undefined;
    }
    const now = performance.now();
    if (first.id !== this.#seen.id) Object.assign(this.#seen, { id: first.id, at: now });
    this.#neglectedSince ??= now;
    return { data: first.data, waitedMs: now - this.#seen.at, neglectedMs: now - this.#neglectedSince };
  }

  /** Takes the next job; undefined if there is none. */
  async take(token: string): Promise<TakenJob | undefined> {
    const queued = (await this.#worker.getNextJob(token, { block: false })) as QueuedJob | undefined;
    this.#neglectedSince = undefined;
    return queued && { queued, token };
  }

  async close(): Promise<void> {
    await this.#worker.close(true);
  }
}

/** Puts a job back to where it was in the queue. */
export async function giveBack({ queued, token }: TakenJob): Promise<void> {
  await queued.moveToWait(token);
}
