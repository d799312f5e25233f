// What the server knows of a request while it answers it.
import type { HttpBindings } from "@hono/node-server";
import type { Owner } from "./guard/limits.js";

/** What a request carries from one middleware to the next. */
export interface RequestVariables {
  /** Unique id of the request. Answers and log lines have it. */
  requestId: string;
  /** Who asks. Set by `Guard.authenticate`. */
  owner: Owner;
  /** What its log line says beside method, route, status and time. */
  noted: RequestNotes;
}

/** What a handler knows of a request, for its log line. */
export interface RequestNotes {
  readonly model?: string | undefined;
  readonly images?: number | undefined;
  readonly jobId?: string | undefined;
  /** Logged only with `--log-prompts`. */
  readonly prompts?: readonly string[] | undefined;
}

/** The environment of the server's Hono app: Node's request and response, and what a request carries. */
export interface ServerEnv {
  Bindings: HttpBindings;
  Variables: RequestVariables;
}
