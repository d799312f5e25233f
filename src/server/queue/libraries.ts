// BullMQ and its Redis client are optional: only servers and workers with a queue load them.
import type * as Bullmq from "bullmq";
import type { Redis, RedisOptions } from "ioredis";
import { QueueError } from "./queue-error.js";

/** The packages that the queue needs. */
export interface QueueLibraries {
  readonly bullmq: typeof Bullmq;
  readonly Redis: new (url: string, options: RedisOptions) => Redis;
}

/** Loads the packages. Rejects with `QueueError` if they are not installed. */
export async function loadQueueLibraries(
  importBullmq: () => Promise<typeof Bullmq> = () => import("bullmq"),
): Promise<QueueLibraries> {
  try {
    const [bullmq, ioredis] = await Promise.all([importBullmq(), import("ioredis")]);
    return { bullmq, Redis: ioredis.Redis };
  } catch (cause) {
    throw new QueueError("A queue needs the packages bullmq and ioredis, which are not installed.", {
      code: "queue/packages",
      cause,
    });
  }
}
