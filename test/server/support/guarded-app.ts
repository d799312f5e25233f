import type { AddressInfo } from "node:net";
import { connect, type Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { ServerEnv } from "../../../src/server/context.js";
import { createGuard, type GuardOptions } from "../../../src/server/guard/guard.js";
import {
  createGuardedServer,
  CONNECTION_LIMITS,
  type ConnectionLimits,
} from "../../../src/server/guard/http-server.js";
import type { Keys } from "../../../src/server/guard/keys.js";
import { LOCAL_LIMITS, type Limits } from "../../../src/server/guard/limits.js";
import type { Guard } from "../../../src/server/guard/types.js";
import { MemoryStore } from "../../../src/server/results/memory-store.js";
import { ServerError } from "../../../src/server/server-error.js";

/** How the guard of a test differs from one that allows nearly all. */
export interface GuardTestOptions extends Partial<Omit<GuardOptions, "limits">> {
  readonly limits?: Partial<Limits>;
}

/** A guard for tests. */
export function testGuard({ limits, ...options }: GuardTestOptions = {}): Guard {
  return createGuard({
    boundHost: "127.0.0.1",
    allowedHosts: [],
    allowedOrigins: [],
    limits: { ...LOCAL_LIMITS, ...limits },
    maxBodyBytes: 1000,
    maxBodyBytesAtOnce: 10_000,
    maxPixels: 1000,
    store: new MemoryStore({ maxBytes: 2 ** 20, maxFiles: 1000 }, () => 0),
    onWarning: () => undefined,
    ...options,
  });
}

/** Keys `one` and `two`, whose tokens are their names. */
export function testKeys(limits: Partial<Limits> = {}): Keys {
  return {
    ownerOf: (token) =>
      Promise.resolve(
        ["one", "two"].includes(token)
          ? { id: token, name: token, limits: { ...LOCAL_LIMITS, ...limits }, readsMetrics: token === "two" }
          : undefined,
      ),
  };
}

/** An app behind a guard. Errors are answered as `{ code, message }`. */
export function guardedApp(guard: Guard, addRoutes: (app: Hono<ServerEnv>) => void): Hono<ServerEnv> {
  const app = new Hono<ServerEnv>();
  app.onError((error, c) => {
    if (!(error instanceof ServerError)) return c.json({ code: "bug", message: String(error) }, 500);
    if (error.retryAfter !== undefined) c.header("Retry-After", String(error.retryAfter));
    return c.json({ code: error.code, message: error.message }, error.status as ContentfulStatusCode);
  });
  app.use(guard.origin, guard.authenticate, guard.limit, guard.body);
  addRoutes(app);
  return app;
}

/** A server on a free port of loopback. */
export interface ListeningServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
}

/** Listens with an app. */
export async function listenWith(
  app: Hono<ServerEnv>,
  limits: Partial<ConnectionLimits> = {},
): Promise<ListeningServer> {
  const listener = getRequestListener(app.fetch);
  const server = createGuardedServer((...args) => void listener(...args), { ...CONNECTION_LIMITS, ...limits });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/** A client that sends what it is told, byte by byte. */
export class RawClient {
  #text = "";
  readonly closed: Promise<void>;

  private constructor(private readonly socket: Socket) {
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => (this.#text += text));
    // A server may close while the client still sends.
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        resolve();
      });
    });
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect(port, "127.0.0.1");
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return client;
  }

  /** What the server has sent. */
  get text(): string {
    return this.#text;
  }

  /** The status of its first answer. */
  get status(): number {
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.#text)?.[1] ?? NaN);
  }

  get isClosed(): boolean {
    return this.socket.destroyed;
  }

  send(text: string): void {
    this.socket.write(text, "latin1");
  }

  /** Reads nothing until `resume`. */
  pause(): void {
    this.socket.pause();
  }

  /** Reads again. */
  resume(): void {
    this.socket.resume();
  }

  close(): void {
    this.socket.destroy();
  }
}
