import type { Job as QueuedJob } from "bullmq";
import { setTimeout as pause } from "node:timers/promises";
import { parseJson } from "../../platform/json.js";
import { orAborted } from "../../platform/or-aborted.js";
import { ServerError } from "../server-error.js";
import type { QueueConnection } from "./connection.js";
import { parseOutcome, type SentModelInfo } from "./outcome.js";
import type { QueueTimes } from "./queue-settings.js";
import { receivedFailure } from "./sent-failure.js";
import { addToQueue, sendAgain } from "./submitting.js";

/** Descriptions go before images. */
const FIRST = 1;
const POLL_MS = 100;

/**
 * Describes a model: by what its last worker wrote, else a worker opens it for that. Rejects with `ServerError`, or with the reason
 * of the signal.
 */
export async function describeByQueue(
  connection: QueueConnection,
  model: string,
  times: QueueTimes,
  signal?: AbortSignal,
): Promise<SentModelInfo> {
  const { redis, names } = connection;
  const id = `describe-${model}`;
  const queue = connection.queue(model);
  const queued = async () => (await queue.getJob(names.job(id))) as QueuedJob | undefined;
  // A failure of before does not count.
  await redis.del(names.outcome(id));
  const before = await queued();
  if (await before?.isFailed()) await sendAgain(connection, before!, id, model);
  for (;;) {
    signal?.throwIfAborted();
    const written = await redis.get(names.info(model));
    if (written !== null) return parseJson(written) as SentModelInfo;
    const outcome = parseOutcome(await redis.get(names.outcome(id)));
    if (outcome?.kind === "described") return outcome.info;
    if (outcome?.kind === "error") throw receivedFailure(outcome.error);
    const job = await queued();
    if (!job) await addToQueue(connection, { kind: "describe", id, model }, FIRST, times);
    else if (await job.isFailed()) {
      throw new ServerError("model-failed", `The model ${JSON.stringify(model)} cannot be opened.`, {
        cause: new ServerError("failed", job.failedReason),
      });
    }
    await orAborted(pause(POLL_MS), signal);
  }
}
