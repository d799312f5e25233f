import { randomUUID } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import type { RequestVariables, ServerEnv } from "../context.js";
import type { Metrics } from "./metrics.js";
import type { ServerLog } from "./types.js";

/** What the log of requests needs. */
export interface RequestsOptions {
  readonly log: ServerLog;
  readonly metrics: Metrics;
  /** Whether prompts are logged. */
  readonly logPrompts: boolean;
  /** Milliseconds that never go back. */
  readonly now: () => number;
}

/** Gives each request an id, and logs and counts it when its answer was sent. */
export function watchedRequests(options: RequestsOptions): MiddlewareHandler<ServerEnv> {
  return async (c, next) => {
    const id = `req_${randomUUID().replaceAll("-", "")}`;
    const start = options.now();
    c.set("requestId", id);
    c.set("noted", {});
    // For answers that Hono builds.
    c.header("x-request-id", id);
    const outgoing = outgoingOf(c);
    const socket = outgoing?.socket;
    const before = { in: socket?.bytesRead ?? 0, out: socket?.bytesWritten ?? 0 };
    const end = (): void => {
      const ms = options.now() - start;
      report(c, options, ms, {
        in: (socket?.bytesRead ?? 0) - before.in,
        out: (socket?.bytesWritten ?? 0) - before.out,
      });
    };
    // An answer that is a stream ends after its handler.
    if (outgoing) outgoing.once("close", end);
    await next();
    c.header("x-request-id", id);
    c.header("openai-processing-ms", String(Math.round(options.now() - start)));
    if (!outgoing) end();
  };
}

/** Absent where the app is called without a socket. */
function outgoingOf(c: Context<ServerEnv>): ServerEnv["Bindings"]["outgoing"] | undefined {
  return (c.env as Partial<ServerEnv["Bindings"]> | undefined)?.outgoing;
}

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const CLOSED_BY_CALLER = 499;
const MAX_PATH = 200;

interface Bytes {
  readonly in: number;
  readonly out: number;
}

function report(c: Context<ServerEnv>, { log, metrics, logPrompts }: RequestsOptions, ms: number, bytes: Bytes): void {
  const outgoing = outgoingOf(c);
  const isSent = outgoing === undefined || outgoing.writableFinished;
  const status = isSent ? c.res.status : CLOSED_BY_CALLER;
  // Strangers may send any of these: as labels, they are bounded.
  const method = METHODS.has(c.req.method) ? c.req.method : "other";
  const route = routeOf(c);
  metrics.requests.inc({ method, route, status: String(status) });
  metrics.requestSeconds.observe({ route }, ms / 1000);
  metrics.bytes.inc({ direction: "in" }, bytes.in);
  metrics.bytes.inc({ direction: "out" }, bytes.out);
  const { prompts, ...noted } = c.get("noted");
  const line = {
    requestId: c.get("requestId"),
    method: c.req.method,
    route,
    // Without the query, which may be signed.
    path: c.req.path.slice(0, MAX_PATH),
    status,
    ms: Math.round(ms),
    // Unset if the request was refused before.
    key: (c.var as Partial<RequestVariables>).owner?.id,
    ...noted,
    ...(logPrompts && prompts ? { prompts } : {}),
  };
  if (status >= 500) log.error("request", line);
  else log.info("request", line);
}

/** The pattern of the route; `none` where there is only what stands before all routes. */
function routeOf(c: Context<ServerEnv>): string {
  const isBefore = ({ method, path }: { method: string; path: string }): boolean =>
    method === "ALL" && path.endsWith("*");
  return matchedRoutes(c).findLast((route) => !isBefore(route))?.path ?? "none";
}
