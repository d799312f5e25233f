import type { MiddlewareHandler } from "hono";
import type { ServerEnv } from "../context.js";
import { ServerError } from "../server-error.js";
import type { Keys } from "./keys.js";
import { localOwner } from "./keys.js";
import type { Limits } from "./limits.js";

/** Finds the owner of a request by its bearer token. Without keys, everyone is the local owner. */
export function authentication(keys: Keys | undefined, limits: Limits): MiddlewareHandler<ServerEnv> {
  const local = localOwner(limits);
  return async (c, next) => {
    if (!keys) {
      c.set("owner", local);
      await next();
      return;
    }
    const [, token] = /^Bearer +(\S{1,200})$/i.exec(c.req.header("authorization") ?? "") ?? [];
    const owner = token === undefined ? undefined : await keys.ownerOf(token);
    if (!owner) {
      c.header("WWW-Authenticate", "Bearer");
      throw new ServerError("not-authenticated", token === undefined ? NO_KEY : WRONG_KEY);
    }
    c.set("owner", owner);
    await next();
  };
}

const NO_KEY = "this server needs a key: send it as the header Authorization: Bearer KEY";
const WRONG_KEY = "this key is not known here, or it was revoked";

/** Throws `not-allowed` unless the owner may read metrics. */
export const metricsAllowed: MiddlewareHandler<ServerEnv> = async (c, next) => {
  if (!c.get("owner").readsMetrics) {
    throw new ServerError("not-allowed", "this key may not read metrics; make one with dalle2 keys create --metrics");
  }
  await next();
};
