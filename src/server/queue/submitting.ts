// Puts jobs into the queue.
import type { Job as QueuedJob, JobsOptions } from "bullmq";
import type { QueueConnection } from "./connection.js";
import type { Job } from "../jobs/job.js";
import { inputFiles, parseJobData, type JobData } from "./job-data.js";
import type { JobFiles } from "./job-files.js";
import type { QueueTimes } from "./queue-settings.js";

/** BullMQ's options of a job. */
function jobOptions(id: string, priority: number, times: QueueTimes): JobsOptions {
  return {
    jobId: id,
    priority,
    attempts: times.attempts,
    backoff: { type: "fixed", delay: times.retryMs },
    // Its outcome is in a key of its own, which expires.
    removeOnComplete: true,
    removeOnFail: { age: times.keepDeadSeconds, count: times.maxDead },
    stackTraceLimit: times.attempts,
  };
}

/** Adds a job, and wakes the workers. A job that is there already stays as it is. */
export async function addToQueue(
  connection: QueueConnection,
  data: JobData,
  priority: number,
  times: QueueTimes,
): Promise<void> {
  const { redis, names } = connection;
  await redis.del(names.cancelled(data.id), names.outcome(data.id));
  const queue = connection.queue(data.model);
  await queue.add(data.kind, data, jobOptions(names.job(data.id), priority, times));
  await redis.publish(names.wake, data.model);
}

/** Sends a dead letter again, with all of its attempts. */
export async function sendAgain(connection: QueueConnection, job: QueuedJob, id: string, model: string): Promise<void> {
  const { redis, names } = connection;
  await redis.del(names.cancelled(id), names.outcome(id));
  await job.retry("failed", { resetAttemptsMade: true, resetAttemptsStarted: true });
  await redis.publish(names.wake, model);
}

/** Seconds that it is remembered that a job is not wanted. */
const CANCELLED_SECONDS = 3600;

/**
 * Says that nobody wants a job any more: it is taken out of the queue with its files, or stopped by its worker, which removes
 * them.
 */
export async function cancelJob(
  connection: QueueConnection,
  { id, model }: Pick<Job, "id" | "model">,
  files: JobFiles,
): Promise<void> {
  const { redis, names } = connection;
  await redis.set(names.cancelled(id), "1", "EX", CANCELLED_SECONDS);
  await redis.publish(names.cancellations, id);
  const job = (await connection.queue(model).getJob(names.job(id))) as QueuedJob | undefined;
  if (!job) return;
  try {
    await job.remove();
  } catch {
    // A job that runs cannot be removed: its worker ends it.
    return;
  }
  const data = parseJobData(job.data);
  if (data.kind === "generate") await files.remove(inputFiles(data));
}
