import type { Context, MiddlewareHandler } from "hono";
import { formatBytes } from "../../platform/format-bytes.js";
import type { ServerEnv } from "../context.js";
import { ServerError } from "../server-error.js";
import { tooMany } from "./rate-limit.js";
import type { TokenBucket } from "./token-bucket.js";
import type { UsageByOwner } from "./usage.js";

/** Limits of request bodies. */
export interface BodyLimits {
  /** Bytes of a request's body. */
  readonly maxBodyBytes: number;
  /** Bytes of all bodies that the server holds at the same time. */
  readonly maxBodyBytesAtOnce: number;
}

/**
 * Bounds request bodies. A body whose announced length is too large is refused unread; one without length, when it grows too large.
 * Nothing is read ahead: what its handler does not ask for stays with the client.
 */
export function bodyLimit(usages: UsageByOwner, limits: BodyLimits): MiddlewareHandler<ServerEnv> {
  const held = { bytes: 0 };
  return async (c, next) => {
    const { body, method } = c.req.raw;
    if (method === "GET" || method === "HEAD" || !body) {
      await next();
      return;
    }
    const counter = new BodyCounter(c, limits, held, usages.of(c.get("owner")).uploadBytes);
    counter.checkLength(c.req.header("content-length"));
    c.req.raw = withBody(c.req.raw, body.pipeThrough(counter.stream()));
    try {
      await next();
    } finally {
      held.bytes -= counter.held;
    }
    // A parser may have turned the refusal into an error of its own.
    if (counter.problem && c.error !== counter.problem) throw counter.problem;
  };
}

/** Counts the bytes of a body while they arrive. */
class BodyCounter {
  #bytes = 0;
  /** Bytes that count as held by the server. */
  held = 0;
  problem: ServerError | undefined;

  constructor(
    private readonly c: Context<ServerEnv>,
    private readonly limits: BodyLimits,
    private readonly all: { bytes: number },
    private readonly hour: TokenBucket,
  ) {}

  /** Throws `ServerError` if the announced length cannot be taken. */
  checkLength(header: string | undefined): void {
    const length = Number(header ?? 0);
    this.#check(length, length);
    if (length > this.hour.left) this.#refuse(this.#hourIsOver(length));
  }

  stream(): TransformStream<Uint8Array, Uint8Array> {
    return new TransformStream({
      transform: (chunk, controller) => {
        this.#add(chunk.byteLength);
        controller.enqueue(chunk);
      },
    });
  }

  #add(bytes: number): void {
    this.#bytes += bytes;
    this.#check(this.#bytes, bytes);
    if (this.hour.take(bytes) > 0) this.#refuse(this.#hourIsOver(bytes));
    this.held += bytes;
    this.all.bytes += bytes;
  }

  #check(total: number, more: number): void {
    const { maxBodyBytes, maxBodyBytesAtOnce } = this.limits;
    if (!(total <= maxBodyBytes)) {
      const message = `the body of the request is too large; the maximum is ${formatBytes(maxBodyBytes)}`;
      this.#refuse(new ServerError("too-large", message));
    }
    if (this.all.bytes + more > maxBodyBytesAtOnce) {
      const message = "the server receives too much at once; try again in a moment";
      this.#refuse(new ServerError("queue-full", message, { retryAfter: 1 }));
    }
  }

  #hourIsOver(bytes: number): ServerError {
    const message = `this key may send ${formatBytes(this.hour.size)} per hour`;
    return tooMany(this.c, message, Math.min(this.hour.msUntil(bytes), 3_600_000));
  }

  /** The rest of the body is not read, so the connection cannot be used again. */
  #refuse(problem: ServerError): never {
    this.problem = problem;
    this.c.header("Connection", "close");
    throw problem;
  }
}

function withBody(request: Request, body: ReadableStream<Uint8Array>): Request {
  // Node asks for `duplex` where a body is a stream; the types of browsers do not know it.
  const init: RequestInit & { readonly duplex: "half" } = { body, duplex: "half" };
  return new Request(request, init);
}
