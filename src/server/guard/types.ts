import type { Context, MiddlewareHandler } from "hono";
import type { ServerEnv } from "../context.js";
import type { FinishedImage, JobEvents } from "../jobs/job.js";
import type { Owner } from "./limits.js";

type Middleware = MiddlewareHandler<ServerEnv>;

/**
 * Protects the server. Its middlewares throw `ServerError`; those of `rate-limit` have `retryAfter`. They belong in this order:
 * `origin` before all routes; `authenticate`, `limit` and `body` before the routes of the APIs.
 */
export interface Guard {
  /** Checks `Host` and `Origin`, answers CORS preflights, and adds security headers and `Cache-Control: no-store`. */
  readonly origin: Middleware;
  /** Finds the owner by the bearer token and sets `owner`. Throws `not-authenticated`. */
  readonly authenticate: Middleware;
  /** Throws `not-allowed` unless the owner may read metrics. After `authenticate`. */
  readonly metricsAllowed: Middleware;
  /** Counts requests per minute and concurrent requests of the owner, and sets the `x-ratelimit-*` headers. */
  readonly limit: Middleware;
  /** Bounds the body while it arrives, with or without `Content-Length`, and counts the owner's bytes. */
  readonly body: Middleware;
  /**
   * Takes images from the owner's hour, and sets the `x-ratelimit-*-images` headers. Throws `bad-request` for more than a request
   * may ask for, `rate-limit` if the hour has too few. Call the returned function if the images were not generated.
   */
  takeImages(c: Context<ServerEnv>, count: number): () => void;
  /**
   * Checks an uploaded image before it is decoded: a PNG, JPEG or WebP file, by its header, with not more pixels than allowed.
   * Throws `bad-request` or `too-large` that names the parameter.
   */
  checkImage(bytes: Uint8Array, param: string): void;
  readonly idempotency: Idempotency;
}

/** A request with the header `Idempotency-Key`. */
export interface RepeatableCall {
  readonly owner: Owner;
  /** Value of the header. */
  readonly key: string;
  /** What is asked for, as `fingerprint` gives it. */
  readonly fingerprint: string;
  /** Aborted when this caller has gone. The job is aborted when all callers that wait for it have gone. */
  readonly signal: AbortSignal;
  /** Each caller that waits for the job gets its events from now on. */
  readonly events: JobEvents;
}

/** What the job of repeatable calls is started with. */
export interface SharedJob {
  /** `Job.id`: the same for all servers of a queue. */
  readonly id: string;
  readonly signal: AbortSignal;
  readonly events: JobEvents;
}

/** The images of a repeatable call. */
export interface RepeatableResult {
  readonly images: readonly FinishedImage[];
  /** Whether an earlier call with this key asked for them. */
  readonly isRepeat: boolean;
}

/** Answers a repeated request with the images of the first. */
export interface Idempotency {
  /** The key of a request; undefined if it has none. Throws `bad-request` if it is empty or longer than 255 characters. */
  keyOf(c: Context<ServerEnv>): string | undefined;
  /** Id of the job of an owner and a key, and the seed of a request that names none: both are always the same. */
  identity(owner: Owner, key: string): { readonly id: string; readonly seed: number };
  /**
   * Resolves with the images of the first call with this key and owner: those that are kept, or those of the job that runs, or
   * those of the job that `start` starts. Rejects with `ServerError` `conflict` if that call asked for something else, and as the
   * job does; a job that failed can be asked for again.
   */
  run(call: RepeatableCall, start: (job: SharedJob) => Promise<readonly FinishedImage[]>): Promise<RepeatableResult>;
}
