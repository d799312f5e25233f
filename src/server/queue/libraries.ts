// BullMQ and its Redis client are optional: only servers and workers with a queue load them.
import type * as Bullmq from "bullmq";
import type { Redis, RedisOptions } from "ioredis";
import { loadPackage } from "../load-package.js";

/** The packages that the queue needs. */
export interface QueueLibraries {
  readonly bullmq: typeof Bullmq;
  readonly Redis: new (url: string, options: RedisOptions) => Redis;
}

const PURPOSE = "a queue between servers and workers";

/** Loads the packages. Rejects with `MissingPackageError` if one is not installed. */
export async function loadQueueLibraries(): Promise<QueueLibraries> {
  const bullmq = await loadPackage("bullmq", PURPOSE, () => import("bullmq"));
  const { Redis } = await loadPackage("ioredis", PURPOSE, () => import("ioredis"));
  return { bullmq, Redis };
}
