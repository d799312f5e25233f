import type { RunnerStatus } from "../jobs/job-runner.js";
import type { QueueConnection } from "./connection.js";
import type { KnownWorkers } from "./known-workers.js";

/** The load of the queues of all models that are offered now. */
export async function queueStatus(connection: QueueConnection, known: KnownWorkers): Promise<RunnerStatus> {
  const workers = await known.list();
  const models = [...new Set(workers.flatMap((worker) => worker.models))];
  const counts = await Promise.all(
    models.map((model) => connection.queue(model).getJobCounts("prioritized", "waiting", "delayed", "active")),
  );
  const total = (...states: readonly string[]) =>
    counts.reduce((sum, of) => sum + states.reduce((part, state) => part + (of[state] ?? 0), 0), 0);
  const otherVersions = await known.otherVersions();
  return {
    isReady: workers.length > 0,
    reason: workers.length === 0 ? (otherVersions ?? "no worker is there") : otherVersions,
    waitingJobs: total("prioritized", "waiting", "delayed"),
    runningJobs: total("active"),
    devices: workers.flatMap(({ devices }) => devices),
  };
}
