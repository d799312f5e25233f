// Jobs that were set aside after all of their attempts: to look at, send again, and remove.
import type { Job as QueuedJob } from "bullmq";
import type { FileStore } from "../results/types.js";
import type { QueueConnection } from "./connection.js";
import { inputFiles, parseJobData, type JobData } from "./job-data.js";
import { JobFiles } from "./job-files.js";
import { parseQueueName } from "./names.js";
import { parseOutcome, unpackImage } from "./outcome.js";
import { QueueError } from "./queue-error.js";
import { QUEUE_TIMES } from "./queue-settings.js";
import { sendAgain } from "./submitting.js";

/** A job as `dalle2 queue` shows it. */
export interface ShownJob {
  readonly id: string;
  readonly model: string;
  /** The version of the servers and workers that it is for. */
  readonly version: string;
  /** `waiting`, `active`, `failed` (a dead letter) or `done`. */
  readonly state: string;
  /** Undefined for a job that describes a model, and for one that is damaged. */
  readonly owner?: string | undefined;
  readonly prompts?: readonly string[] | undefined;
  readonly images?: number | undefined;
  readonly attempts: number;
  /** How often a worker ended in the middle of it. */
  readonly losses: number;
  /** Why the last attempt failed. */
  readonly reason?: string | undefined;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly failedAt?: number | undefined;
}

/** The jobs of a queue, by their state. */
export interface QueueCounts {
  readonly model: string;
  readonly version: string;
  readonly waiting: number;
  readonly active: number;
  readonly failed: number;
}

/** All queues that were ever used, of all versions, with the numbers of their jobs. */
export async function listQueues(connection: QueueConnection): Promise<readonly QueueCounts[]> {
  return await eachQueue(connection, async (queue, { model, version }) => {
    const counts = await queue.getJobCounts("waiting", "prioritized", "delayed", "active", "failed");
    const { waiting = 0, prioritized = 0, delayed = 0, active = 0, failed = 0 } = counts;
    return { model, version, waiting: waiting + prioritized + delayed, active, failed };
  });
}

/** The dead letters of all queues of this version, the latest first. */
export async function deadLetters(connection: QueueConnection): Promise<readonly ShownJob[]> {
  const all = await eachQueue(connection, async (queue, { model, version }) => {
    if (version !== connection.names.version) return [];
    return (await queue.getFailed()).map((job: QueuedJob) => shown(job, model, version, "failed"));
  });
  return all.flat().sort((a, b) => (b.failedAt ?? 0) - (a.failedAt ?? 0));
}

/** A job by its id. Rejects with `QueueError` if it is not there. */
export async function showJob(connection: QueueConnection, id: string): Promise<ShownJob> {
  const { job, model } = await find(connection, id);
  const state = await job.getState();
  const { version } = connection.names;
  return shown(job, model, version, state === "prioritized" || state === "delayed" ? "waiting" : state);
}

/** Sends a dead letter again. Rejects with `QueueError` if there is none with this id. */
export async function retryDeadLetter(connection: QueueConnection, id: string): Promise<void> {
  const { job, model } = await findDead(connection, id);
  await sendAgain(connection, job, id, model);
}

/** Removes a dead letter and its files. Rejects with `QueueError` if there is none with this id. */
export async function removeDeadLetter(connection: QueueConnection, id: string, store?: FileStore): Promise<void> {
  const { job } = await findDead(connection, id);
  await job.remove();
  const data = dataOf(job);
  if (data?.kind === "generate") await filesOf(connection, store).remove(inputFiles(data));
}

/** The images of a job that is done, as long as they are kept; undefined if they are not there. */
export async function finishedImages(
  connection: QueueConnection,
  id: string,
  store?: FileStore,
): Promise<readonly Uint8Array[] | undefined> {
  const outcome = parseOutcome(await connection.redis.get(connection.names.outcome(id)));
  if (outcome?.kind !== "images") return undefined;
  const files = filesOf(connection, store);
  const images = await Promise.all(outcome.images.map((image) => unpackImage(image, files)));
  const found = images.flatMap((image) => image?.png ?? []);
  return found.length === images.length ? found : undefined;
}

function filesOf({ redis, names }: QueueConnection, store: FileStore | undefined): JobFiles {
  return new JobFiles(redis, names, store, QUEUE_TIMES.keepSeconds);
}

function shown(job: QueuedJob, model: string, version: string, state: string): ShownJob {
  const data = dataOf(job);
  const about =
    data?.kind === "generate" ? { owner: data.owner, prompts: data.parameters.prompts, images: data.size } : {};
  return {
    id: data?.id ?? String(job.id),
    model,
    version,
    state,
    ...about,
    attempts: job.attemptsMade,
    losses: job.stalledCounter,
    reason: job.failedReason,
    createdAt: job.timestamp,
    failedAt: job.finishedOn,
  };
}

/** Undefined if the job is damaged. */
function dataOf(job: QueuedJob): JobData | undefined {
  try {
    return parseJobData(job.data);
  } catch {
    return undefined;
  }
}

async function findDead(connection: QueueConnection, id: string) {
  const found = await find(connection, id);
  if (await found.job.isFailed()) return found;
  throw noJob(`Job ${id} is not a dead letter: it is ${await found.job.getState()}.`);
}

async function find(connection: QueueConnection, id: string) {
  const jobs = await eachQueue(connection, async (queue, { model, version }) => {
    if (version !== connection.names.version) return undefined;
    const job = (await queue.getJob(connection.names.job(id))) as QueuedJob | undefined;
    return job && { job, model };
  });
  const found = jobs.find((job) => job !== undefined);
  if (!found) throw noJob(`There is no job ${id} in the queue.`);
  return found;
}

function noJob(message: string): QueueError {
  return new QueueError(message, { code: "queue/no-job" });
}

type Queue = ReturnType<QueueConnection["openQueue"]>;
type Named = NonNullable<ReturnType<typeof parseQueueName>>;

async function eachQueue<Result>(
  connection: QueueConnection,
  call: (queue: Queue, named: Named) => Promise<Result>,
): Promise<readonly Result[]> {
  const names = (await connection.redis.smembers(connection.names.queues)).sort();
  return await Promise.all(
    names.flatMap((name) => {
      const named = parseQueueName(name);
      return named ? [withQueue(connection, name, (queue) => call(queue, named))] : [];
    }),
  );
}

async function withQueue<Result>(
  connection: QueueConnection,
  name: string,
  call: (queue: Queue) => Promise<Result>,
): Promise<Result> {
  const queue = connection.openQueue(name);
  try {
    return await call(queue);
  } finally {
    await queue.close();
  }
}
