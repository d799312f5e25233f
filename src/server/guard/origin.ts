import type { Context, MiddlewareHandler } from "hono";
import type { ServerEnv } from "../context.js";
import { ServerError } from "../server-error.js";
import { hostTest, originTest, type AllowedHosts } from "./hosts.js";

/** Options of `originGuard`. */
export interface OriginOptions extends AllowedHosts {
  /** Origins whose pages may call the server, such as `https://example.com`. */
  readonly allowedOrigins: readonly string[];
}

/** What every answer says unless its handler says otherwise. Pages bring their own policy. */
const HEADERS: Readonly<Record<string, string>> = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};

/** What a page of another origin may read of an answer. */
const EXPOSED = [
  "x-request-id",
  "retry-after",
  "openai-processing-ms",
  ...["requests", "images"].flatMap((of) => ["limit", "remaining", "reset"].map((what) => `x-ratelimit-${what}-${of}`)),
].join(", ");

/** Checks `Host` and `Origin`, answers CORS preflights, and adds headers for security. */
export function originGuard(options: OriginOptions): MiddlewareHandler<ServerEnv> {
  const isAllowedHost = hostTest(options);
  const kindOf = originTest(options.allowedOrigins);
  return async (c, next) => {
    const host = c.req.header("host") ?? "";
    const origin = c.req.header("origin");
    const kind = origin === undefined ? "same" : kindOf(origin, host);
    const headers = { ...HEADERS, ...(origin !== undefined && kind === "allowed" ? corsHeaders(origin) : {}) };
    // For answers that Hono builds, also those to what is thrown here.
    for (const [name, value] of Object.entries(headers)) c.header(name, value);
    if (host === "") throw new ServerError("bad-request", "the request has no Host header");
    if (!isAllowedHost(host)) throw refused("the name in the Host header", "--allowed-host");
    if (kind === "foreign") throw refused("pages of this origin", "--allowed-origin");
    if (kind === "allowed" && c.req.method === "OPTIONS" && c.req.header("access-control-request-method")) {
      return preflight(c);
    }
    await next();
    // For answers that handlers built themselves.
    for (const [name, value] of Object.entries(headers)) if (!c.res.headers.has(name)) c.header(name, value);
    if (origin !== undefined) c.header("Vary", "Origin", { append: true });
    return;
  };
}

function refused(whom: string, flag: string): ServerError {
  return new ServerError("not-allowed", `this server does not answer ${whom}; its operator can allow it with ${flag}`);
}

function corsHeaders(origin: string): Readonly<Record<string, string>> {
  return {
    "Access-Control-Allow-Origin": origin,
    "Access-Control-Expose-Headers": EXPOSED,
    "Cross-Origin-Resource-Policy": "cross-origin",
  };
}

const PREFLIGHT_SECONDS = "600";

/** Tells a browser that the page may send its request. Keys travel in a header, so no credentials of the browser are needed. */
function preflight(c: Context): Response {
  c.header("Vary", "Origin");
  c.header("Access-Control-Allow-Methods", "GET, HEAD, POST, DELETE");
  const asked = c.req.header("access-control-request-headers") ?? "";
  // The official client sends a dozen headers of its own, which change with its version.
  if (/^[\w\-, ]{1,2000}$/.test(asked)) c.header("Access-Control-Allow-Headers", asked);
  c.header("Access-Control-Max-Age", PREFLIGHT_SECONDS);
  if (c.req.header("access-control-request-private-network") === "true") {
    c.header("Access-Control-Allow-Private-Network", "true");
  }
  return c.body(null, 204);
}
