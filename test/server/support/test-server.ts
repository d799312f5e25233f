import { randomUUID } from "node:crypto";
import OpenAI, { type ClientOptions } from "openai";
import type { OwnLimits } from "../../../src/server/guard/limits.js";
import { createGuard, type GuardOptions } from "../../../src/server/guard/guard.js";
import { DEFAULT_LIMITS } from "../../../src/server/guard/limits.js";
import { createApp, type ServerApp } from "../../../src/server/http/app.js";
import { listen } from "../../../src/server/http/listen.js";
import { DEFAULT_SETTINGS, type PageFiles, type ServerSettings } from "../../../src/server/http/parts.js";
import type { LogFields, Observe } from "../../../src/server/observe/types.js";
import { MemoryStore } from "../../../src/server/results/memory-store.js";
import { createResults } from "../../../src/server/results/results.js";
import { FakeRunner, type FakeBehaviour } from "./fake-runner.js";

/** A line of the log. */
export interface LogLine extends LogFields {
  readonly level: string;
  readonly message: string;
}

/** How a test server differs from the defaults. */
export interface TestServerOptions {
  readonly behaviour?: Partial<FakeBehaviour>;
  readonly settings?: Partial<ServerSettings>;
  readonly limits?: OwnLimits;
  readonly guard?: Partial<GuardOptions>;
  readonly page?: PageFiles;
}

/** `createApp` with a fake runner on a socket. */
export class TestServer {
  private constructor(
    readonly app: ServerApp,
    readonly runner: FakeRunner,
    readonly log: readonly LogLine[],
    readonly url: string,
    /** Closes the server. */
    readonly stop: () => Promise<void>,
  ) {}

  static async start({ behaviour, settings, limits, guard, page }: TestServerOptions = {}): Promise<TestServer> {
    const runner = new FakeRunner(behaviour);
    const log: LogLine[] = [];
    const bounds = { maxFiles: 1000, maxBytes: 2 ** 26 };
    const store = new MemoryStore(bounds, Date.now);
    const results = createResults({ store, resultMs: 60_000, onWarning: () => undefined, ...bounds });
    const app = createApp({
      runner,
      results,
      guard: createGuard({
        boundHost: "127.0.0.1",
        allowedHosts: [],
        allowedOrigins: [],
        maxBodyBytes: 2 ** 22,
        maxBodyBytesAtOnce: 2 ** 26,
        maxPixels: 2 ** 20,
        limits: {
          ...DEFAULT_LIMITS,
          requestsPerMinute: 10_000,
          concurrentRequests: 1000,
          ...limits,
        } as typeof DEFAULT_LIMITS,
        store,
        onWarning: () => undefined,
        ...guard,
      }),
      observe: observing(runner, log),
      settings: { ...DEFAULT_SETTINGS, ...settings },
      page,
    });
    const server = await listen(app, { host: "127.0.0.1", port: 0 });
    return new TestServer(app, runner, log, server.url, async () => {
      runner.release();
      results.close();
      await server.close(0);
    });
  }

  /** OpenAI's client for it. It does not repeat requests unless it is told to. */
  client(options: ClientOptions = {}): OpenAI {
    return new OpenAI({ baseURL: `${this.url}/v1`, apiKey: "none", maxRetries: 0, ...options });
  }
}

/** Ids and log lines alone. */
function observing(runner: FakeRunner, log: LogLine[]): Observe {
  const write = (level: string) => (message: string, fields?: LogFields) => log.push({ ...fields, level, message });
  return {
    runner,
    log: { info: write("info"), warn: write("warn"), error: write("error") },
    requests: async (c, next) => {
      const id = `req_${randomUUID()}`;
      c.set("requestId", id);
      c.set("noted", {});
      c.header("x-request-id", id);
      await next();
      c.header("x-request-id", id);
    },
    note: (c, notes) => {
      c.set("noted", { ...c.get("noted"), ...notes });
    },
    healthz: (c) => c.json({ status: "ok" }),
    readyz: (c) => c.json({ status: "ready" }),
    metrics: (c) => c.text(""),
  };
}
