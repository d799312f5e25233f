import { Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { beforeEach, describe, expect, it } from "vitest";
import type { ServerEnv } from "../../../src/server/context.js";
import type { FinishedImage, Job } from "../../../src/server/jobs/job.js";
import type { JobRunner, RunnerStatus } from "../../../src/server/jobs/job-runner.js";
import { openLog } from "../../../src/server/observe/log.js";
import { openObserve } from "../../../src/server/observe/observe.js";
import { statusOf } from "../../../src/server/observe/runner-status.js";
import type { Observe } from "../../../src/server/observe/types.js";
import { newToken } from "../../../src/server/guard/tokens.js";
import { ServerError } from "../../../src/server/server-error.js";
import { eventually } from "../support/eventually.js";
import { listenWith, RawClient } from "../support/guarded-app.js";

const image: FinishedImage = {
  png: Uint8Array.of(1),
  width: 1,
  height: 1,
  seed: 1,
  parameters: { script: "x", tuning: "y" },
};

const READY: RunnerStatus = {
  isReady: true,
  waitingJobs: 3,
  runningJobs: 2,
  deviceLosses: 4,
  devices: [
    {
      adapter: {
        vendor: "v",
        architecture: "a",
        device: "d",
        description: "Fast GPU",
        implementation: "Dawn",
        isSoftware: false,
      },
      tuning: "portable",
      memoryBytes: 1000,
      usedBytes: 400,
    },
  ],
};

let now: number;
let status: () => Promise<RunnerStatus>;
let work: (job: Job) => Promise<readonly FinishedImage[]>;
let lines: Record<string, unknown>[];

const runner: JobRunner = {
  models: () => Promise.resolve([]),
  describe: () => Promise.reject(new ServerError("unknown-model", "unknown")),
  run: (job) => work(job),
  status: () => status(),
  close: () => Promise.resolve(),
};

beforeEach(() => {
  now = 0;
  status = () => Promise.resolve(READY);
  work = () => Promise.resolve([image, image]);
  lines = [];
});

async function open(logPrompts = false): Promise<{ readonly observe: Observe; readonly app: Hono<ServerEnv> }> {
  const target = { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) };
  const log = await openLog({ level: "info", target });
  const observe = await openObserve({ runner, log, logPrompts, now: () => now });
  const app = new Hono<ServerEnv>();
  app.onError((_, c) => c.json({}, 500 as ContentfulStatusCode));
  app.use(observe.requests);
  app.get("/healthz", observe.healthz);
  app.get("/readyz", observe.readyz);
  app.get("/metrics", observe.metrics);
  app.get("/images/:id", (c) => {
    observe.note(c, { model: "shapes", images: 2 });
    observe.note(c, { prompts: ["a secret wish"], jobId: "job-1" });
    now += 1500;
    return c.text("image");
  });
  app.get("/fails", () => {
    throw new TypeError("bug");
  });
  app.get("/stream", (c) =>
    c.body(
      new ReadableStream({
        start: (part) => {
          part.enqueue(new TextEncoder().encode("begun"));
        },
      }),
    ),
  );
  return { observe, app };
}

const job = (others: Partial<Job> = {}): Job => ({
  id: "job-1",
  model: "shapes",
  request: { parameters: { task: "create", prior: {}, unets: [], prompts: ["a"], count: 1, seed: 1 }, images: [] },
  owner: "one",
  signal: new AbortController().signal,
  events: {},
  ...others,
});

/** The metrics, by name and labels. */
async function scrape(app: Hono<ServerEnv>): Promise<ReadonlyMap<string, number>> {
  const text = await (await app.request("/metrics")).text();
  const rows = text.split("\n").filter((row) => row.startsWith("dalle2_"));
  return new Map(rows.map((row) => [row.slice(0, row.lastIndexOf(" ")), Number(row.slice(row.lastIndexOf(" ") + 1))]));
}

describe("a log line", () => {
  it("says what was asked and how it ended, without query and prompts", async () => {
    const { app } = await open();
    const answer = await app.request("/images/7?signature=abc");
    expect(lines).toEqual([
      {
        level: "info",
        time: expect.any(String) as string,
        msg: "request",
        requestId: answer.headers.get("x-request-id"),
        method: "GET",
        route: "/images/:id",
        path: "/images/7",
        status: 200,
        ms: 1500,
        model: "shapes",
        images: 2,
        jobId: "job-1",
      },
    ]);
    expect(answer.headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
    expect(answer.headers.get("openai-processing-ms")).toBe("1500");
  });

  it("has prompts if they were asked for", async () => {
    const { app } = await open(true);
    await app.request("/images/7");
    expect(lines[0]).toMatchObject({ prompts: ["a secret wish"] });
  });

  it("of a failure is an error, and its answer has the same id", async () => {
    const { app } = await open();
    const answer = await app.request("/fails");
    expect(lines[0]).toMatchObject({ level: "error", status: 500, requestId: answer.headers.get("x-request-id") });
  });

  it("comes when the answer was sent, or its client has gone", async () => {
    const { app } = await open();
    await using server = await listenWith(app);
    const client = await RawClient.connect(server.port);
    client.send("GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await eventually(() => {
      expect(client.text).toContain("begun");
    });
    expect(lines).toEqual([]);
    client.close();
    await eventually(() => {
      expect(lines).toEqual([expect.objectContaining({ route: "/stream", status: 499 })]);
    });
    await fetch(`${server.url}/healthz`);
    await eventually(() => {
      expect(lines[1]).toMatchObject({ route: "/healthz", status: 200 });
    });
    const metrics = await scrape(app);
    expect(metrics.get('dalle2_http_bytes_total{direction="in"}')).toBeGreaterThan(40);
    expect(metrics.get('dalle2_http_bytes_total{direction="out"}')).toBeGreaterThan(100);
  });

  it("holds no secret, wherever it comes from, and is bounded", async () => {
    const { observe } = await open();
    const { token } = newToken();
    const cause = new Error(`bad header: Bearer ${token}`);
    observe.log.warn(`refused ${token}`, {
      list: [{ deep: `redis://user:hunter2@host/0 ${token}` }],
      error: new Error(`key ${token}`, { cause }),
      long: "x".repeat(100_000),
      many: Array.from({ length: 10_000 }, () => 1),
    });
    const text = JSON.stringify(lines);
    expect(text).not.toContain(token.slice(16));
    expect(text).not.toContain("hunter2");
    expect(text.length).toBeLessThan(30_000);
    expect(lines[0]).toMatchObject({
      level: "warn",
      error: { name: "Error", message: expect.stringContaining("key dalle2_") as string },
    });
  });
});

describe("the labels of requests", () => {
  it("are bounded, whatever strangers ask for", async () => {
    const { app } = await open();
    for (let i = 0; i < 20; i++) {
      await app.request(`/images/${i}`);
      await app.request(`/nothing/${i}`, { method: `M${String.fromCharCode(65 + i)}` });
    }
    const metrics = await scrape(app);
    const rows = [...metrics].filter(([name]) => name.startsWith("dalle2_http_requests_total"));
    expect(rows).toEqual([
      ['dalle2_http_requests_total{method="GET",route="/images/:id",status="200"}', 20],
      ['dalle2_http_requests_total{method="other",route="none",status="404"}', 20],
    ]);
  });
});

describe("health", () => {
  it("is that the process lives, whatever the runner does", async () => {
    status = () => Promise.reject(new Error("redis://secret"));
    const { app } = await open();
    expect((await app.request("/healthz")).status).toBe(200);
    const answer = await app.request("/readyz");
    expect([answer.status, await answer.json()]).toEqual([
      503,
      { status: "not ready", reason: "the queue does not answer" },
    ]);
    expect((await scrape(app)).get("dalle2_ready")).toBe(0);
  });

  it("is readiness if jobs can be run, else its reason", async () => {
    const { app } = await open();
    expect(await (await app.request("/readyz")).json()).toEqual({ status: "ready" });
    status = () => Promise.resolve({ ...READY, isReady: false, reason: "no worker" });
    const answer = await app.request("/readyz");
    expect([answer.status, await answer.json()]).toEqual([503, { status: "not ready", reason: "no worker" }]);
  });

  it("does not wait for a runner that never answers", async () => {
    status = () => new Promise(() => undefined);
    expect(await statusOf(runner, 10)).toBeUndefined();
  });
});

describe("metrics", () => {
  it("have the state of the runner", async () => {
    const metrics = await scrape((await open()).app);
    expect(Object.fromEntries(metrics)).toMatchObject({
      dalle2_ready: 1,
      dalle2_queue_waiting_jobs: 3,
      dalle2_queue_running_jobs: 2,
      dalle2_device_losses: 4,
      'dalle2_gpu_memory_used_bytes{device="0 Fast GPU"}': 400,
      'dalle2_gpu_memory_limit_bytes{device="0 Fast GPU"}': 1000,
    });
  });

  it("have the time of each stage of a job", async () => {
    const { observe, app } = await open();
    const heard: string[] = [];
    work = ({ events }) => {
      const after = (ms: number, event: () => void) => {
        now += ms;
        event();
      };
      after(0, () => events.onStage?.({ stage: "waiting", imagesAhead: 1 }));
      after(1000, () => events.onStage?.({ stage: "loading", fraction: 0 }));
      after(2000, () => events.onStage?.({ stage: "running" }));
      const step = { step: 1, steps: 2, millisecondsLeft: undefined };
      after(30, () => events.onProgress?.({ phase: "prior", ...step }));
      after(40, () => events.onProgress?.({ phase: "decoder", unetNumber: 1, ...step }));
      after(50, () => events.onProgress?.({ phase: "decoder", unetNumber: 1, ...step }));
      after(600, () => events.onProgress?.({ phase: "decoder", unetNumber: 2, ...step }));
      now += 7;
      return Promise.resolve([image, image]);
    };
    await observe.runner.run(job({ events: { onStage: ({ stage }) => heard.push(stage) } }));
    expect(heard).toEqual(["waiting", "loading", "running"]);
    const metrics = await scrape(app);
    const seconds = ["waiting", "loading", "prior", "unet1", "unet2", "finishing", "all"].map((stage) =>
      metrics.get(`dalle2_job_stage_seconds_sum{model="shapes",stage="${stage}"}`),
    );
    expect(seconds).toEqual([1, 2, 0.03, 0.09, 0.6, 0.007, 3.727]);
    expect(metrics.get('dalle2_images_total{model="shapes"}')).toBe(2);
  });

  it("count jobs by how they ended", async () => {
    const { observe, app } = await open();
    const aborted = AbortSignal.abort(new Error("gone"));
    const ends: readonly (readonly [Error, Partial<Job>])[] = [
      [new ServerError("queue-full", "full"), {}],
      [new ServerError("model-failed", "NaN"), {}],
      [new TypeError("bug"), {}],
      [new Error("gone"), { signal: aborted }],
      // Any name that a stranger thinks of.
      [new ServerError("unknown-model", "unknown"), { model: "x1" }],
      [new ServerError("unknown-model", "unknown"), { model: "x2" }],
    ];
    await observe.runner.run(job());
    for (const [error, others] of ends) {
      work = () => Promise.reject(error);
      await expect(observe.runner.run(job(others))).rejects.toBe(error);
    }
    const metrics = await scrape(app);
    expect([...metrics].filter(([name]) => name.startsWith("dalle2_jobs_total"))).toEqual([
      ['dalle2_jobs_total{model="shapes",outcome="done"}', 1],
      ['dalle2_jobs_total{model="shapes",outcome="refused"}', 1],
      ['dalle2_jobs_total{model="shapes",outcome="failed"}', 2],
      ['dalle2_jobs_total{model="shapes",outcome="aborted"}', 1],
      ['dalle2_jobs_total{model="unknown",outcome="refused"}', 2],
    ]);
  });
});
