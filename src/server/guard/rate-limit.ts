import type { Context, MiddlewareHandler } from "hono";
import { counted } from "../../platform/counted.js";
import type { ServerEnv } from "../context.js";
import { ServerError } from "../server-error.js";
import type { TokenBucket } from "./token-bucket.js";
import type { UsageByOwner } from "./usage.js";

/** Counts the requests of each owner: per minute, and at the same time. */
export function requestLimit(usages: UsageByOwner): MiddlewareHandler<ServerEnv> {
  return async (c, next) => {
    const { limits } = c.get("owner");
    const usage = usages.of(c.get("owner"));
    if (usage.running >= limits.concurrentRequests) {
      throw tooMany(c, `${counted(usage.running, "request")} of this key are being answered; more must wait`, 1000);
    }
    const wait = usage.requests.take(1);
    showLimit(c, "requests", usage.requests);
    if (wait > 0) {
      throw tooMany(c, `this key may send ${counted(limits.requestsPerMinute, "request")} per minute`, wait);
    }
    usage.running += 1;
    const end = once(() => (usage.running -= 1));
    // An answer that is a stream ends later than its handler.
    const outgoing = (c.env as Partial<ServerEnv["Bindings"]> | undefined)?.outgoing;
    outgoing?.once("close", end);
    try {
      await next();
    } finally {
      if (!outgoing || outgoing.destroyed) end();
    }
  };
}

/** Takes images from the owner's hour. Returns what gives them back. */
export function takeImages(usages: UsageByOwner, c: Context<ServerEnv>, count: number): () => void {
  const owner = c.get("owner");
  const { imagesPerRequest, imagesPerHour } = owner.limits;
  const most = Math.min(imagesPerRequest, imagesPerHour);
  if (count > most) {
    const message = `${counted(count, "image")} in one request are too many; the maximum is ${most}`;
    throw new ServerError("bad-request", message, { param: "n" });
  }
  const { images } = usages.of(owner);
  const wait = images.take(count);
  showLimit(c, "images", images);
  if (wait > 0) {
    const left = counted(Math.floor(images.left), "image");
    throw tooMany(c, `this key may generate ${counted(imagesPerHour, "image")} per hour; ${left} are left now`, wait);
  }
  return once(() => {
    images.giveBack(count);
  });
}

/** The error for a limit, with what stops the official client from trying again too soon. */
export function tooMany(c: Context, message: string, waitMs: number): ServerError {
  const retryAfter = Math.max(1, Math.ceil(waitMs / 1000));
  // The official client waits no longer than a minute: for more, it would try again after a second.
  if (retryAfter > 60) c.header("x-should-retry", "false");
  return new ServerError("rate-limit", `${message}; try again in ${duration(waitMs)}`, { retryAfter });
}

/** Headers as OpenAI names them: the limit, what is left of it, and the time until it is whole again. */
function showLimit(c: Context, of: "requests" | "images", bucket: TokenBucket): void {
  c.header(`x-ratelimit-limit-${of}`, String(bucket.size));
  c.header(`x-ratelimit-remaining-${of}`, String(Math.floor(bucket.left)));
  c.header(`x-ratelimit-reset-${of}`, duration(bucket.msUntilFull));
}

/** A time as OpenAI writes it: `20ms`, `1s`, `6m0s`, `1h0m0s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)}ms`;
  const seconds = Math.ceil(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60)];
  const parts = [`${seconds % 60}s`];
  if (minutes > 0) parts.unshift(`${minutes % 60}m`);
  if (hours > 0) parts.unshift(`${hours}h`);
  return parts.join("");
}

function once(body: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) body();
    isDone = true;
  };
}
