import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
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
    // Gone from `outgoing` when the answer is sent.
    const socket = outgoing?.socket;
    const end = (): void => {
      if (socket) countBytes(socket, options.metrics);
      report(c, options, options.now() - start);
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

/** What was counted of each connection, which serves one request after the other. */
const counted = new WeakMap<Socket, { readonly bytesRead: number; readonly bytesWritten: number }>();

function countBytes(socket: Socket, { bytes }: Metrics): void {
  const { bytesRead, bytesWritten } = socket;
  const before = counted.get(socket) ?? { bytesRead: 0, bytesWritten: 0 };
  bytes.inc({ direction: "in" }, bytesRead - before.bytesRead);
  bytes.inc({ direction: "out" }, bytesWritten - before.bytesWritten);
  counted.set(socket, { bytesRead, bytesWritten });
}

function report(c: Context<ServerEnv>, { log, metrics, logPrompts }: RequestsOptions, ms: number): void {
  const outgoing = outgoingOf(c);
  const isSent = outgoing === undefined || outgoing.writableFinished;
  const status = isSent ? c.res.status : CLOSED_BY_CALLER;
  // Strangers may send any of these: as labels, they are bounded.
  const method = METHODS.has(c.req.method) ? c.req.method : "other";
  const route = routeOf(c);
  metrics.requests.inc({ method, route, status: String(status) });
  metrics.requestSeconds.observe({ route }, ms / 1000);
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
