import type { JobRunner, RunnerStatus } from "../jobs/job-runner.js";

/** Milliseconds for the answer of a runner, which may be behind a queue that does not answer. */
const STATUS_MS = 5000;

/** The status of a runner; undefined if it cannot tell, or not soon. */
export async function statusOf(runner: JobRunner, withinMs = STATUS_MS): Promise<RunnerStatus | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, withinMs, undefined);
  });
  try {
    return await Promise.race([runner.status().catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}
