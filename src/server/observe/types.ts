import type { Context, Handler, MiddlewareHandler } from "hono";
import type { RequestNotes, ServerEnv } from "../context.js";
import type { JobRunner } from "../jobs/job-runner.js";

/** Fields of a log line. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes JSON lines on standard error. Secrets are removed from all texts. */
export interface ServerLog {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Shows what the server does. */
export interface Observe {
  readonly log: ServerLog;
  /** Sets `requestId` and the header `x-request-id`; counts and logs each request. Belongs before everything else. */
  readonly requests: MiddlewareHandler<ServerEnv>;
  /** Adds to what the log line of a request says. */
  note(c: Context<ServerEnv>, notes: RequestNotes): void;
  /** The runner, with its jobs counted and timed. The server calls this one. */
  readonly runner: JobRunner;
  /** `GET /healthz`: the process lives. */
  readonly healthz: Handler<ServerEnv>;
  /** `GET /readyz`: 200 if jobs can be run now, else 503 with the reason. */
  readonly readyz: Handler<ServerEnv>;
  /** `GET /metrics`, in the text format of Prometheus. After `Guard.authenticate` and `Guard.metricsAllowed`. */
  readonly metrics: Handler<ServerEnv>;
}
