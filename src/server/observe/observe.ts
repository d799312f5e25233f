import type { JobRunner } from "../jobs/job-runner.js";
import { openMetrics } from "./metrics.js";
import { watchedRequests } from "./requests.js";
import { statusOf } from "./runner-status.js";
import type { Observe, ServerLog } from "./types.js";
import { watchedRunner } from "./watched-runner.js";

/** What `openObserve` needs. */
export interface ObserveOptions {
  readonly runner: JobRunner;
  readonly log: ServerLog;
  /** Whether log lines have the prompts. */
  readonly logPrompts: boolean;
  /** Milliseconds that never go back; for tests. */
  readonly now?: (() => number) | undefined;
}

/** Opens what shows the work of a server. Rejects with `MissingPackageError` without the package `prom-client`. */
export async function openObserve(options: ObserveOptions): Promise<Observe> {
  const { runner, log, now = () => performance.now() } = options;
  const metrics = await openMetrics(runner);
  return {
    log,
    requests: watchedRequests({ ...options, metrics, now }),
    note: (c, notes) => {
      c.set("noted", { ...c.get("noted"), ...notes });
    },
    runner: watchedRunner(runner, metrics, now),
    healthz: (c) => c.json({ status: "ok" }),
    readyz: async (c) => {
      // Why it cannot tell may name a host or a password of the queue, so that stays in the log of the queue.
      const { isReady, reason } = (await statusOf(runner)) ?? { isReady: false, reason: "the queue does not answer" };
      return isReady ? c.json({ status: "ready" }) : c.json({ status: "not ready", reason: reason ?? "unknown" }, 503);
    },
    metrics: async (c) => c.body(await metrics.text(), 200, { "Content-Type": metrics.contentType }),
  };
}
