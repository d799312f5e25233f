import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ArgumentError } from "../../../src/platform/arguments.js";
import { QueueConnection, type QueueAddress } from "../../../src/server/queue/connection.js";
import { deadLetters, removeDeadLetter, retryDeadLetter, showJob } from "../../../src/server/queue/dead-letters.js";
import { listWorkers } from "../../../src/server/queue/registry.js";
import { DiskStore } from "../../../src/server/results/disk-store.js";
import { Installation } from "./support/installation.js";
import { RedisServer } from "./support/redis-server.js";
import { imageOf } from "./support/slow-runner.js";
import { jobOf, Recorder, requestOf } from "./support/workers.js";

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
});

afterAll(async () => {
  await redis[Symbol.asyncDispose]();
});

const install = (address: Partial<QueueAddress> = {}) => new Installation({ url: redis.url, ...address });

describe("a job", () => {
  it("runs on a worker; its stages, steps, previews and images arrive", async () => {
    await using all = install();
    await all.worker({ imageMs: 500 });
    const server = await all.server();
    const seen = new Recorder();
    const job = jobOf("one", {
      request: requestOf("a circle", { count: 2, seed: 7 }),
      events: seen.events,
      previewEvery: 2,
    });
    const images = await server.run(job);
    expect(images).toEqual([await imageOf(job, 0), await imageOf(job, 1)]);
    expect(seen.images).toEqual(images);
    expect(seen.stages.at(-1)).toBe("running");
    expect(seen.steps).toContain(4);
    expect(seen.previews).toEqual([0, 0, 1, 1]);
  });

  it("brings its image, mask and hint to the worker as they are", async () => {
    await using all = install();
    const { runner } = await all.worker();
    const server = await all.server();
    const image = { width: 3, height: 2, channels: 3 as const, data: Uint8Array.from({ length: 18 }, (_, i) => i) };
    const mask = Uint8Array.from([0, 1, 0, 1, 1, 0]);
    const { parameters } = requestOf("a square");
    const request = {
      parameters: { ...parameters, task: "inpaint" as const },
      images: [image],
      imageNames: ["a"],
      mask,
      hint: { width: 1, height: 2, channels: 3 as const, data: Uint8Array.from([1, 2, 3, 4, 5, 6]) },
      hintName: "b",
    };
    await server.run(jobOf("one", { request }));
    const [{ request: given }] = runner.started as [(typeof runner.started)[number]];
    expect(given.images).toEqual([image]);
    expect(given.mask).toEqual(mask);
    expect(given.imageNames).toEqual(["a"]);
    expect(given.hint).toEqual(request.hint);
    expect(given.hintName).toBe("b");
  });

  it("brings large images through the store that all share, and nothing stays there", async () => {
    const folder = mkdtempSync(join(tmpdir(), "dalle2-files-"));
    const store = await DiskStore.open(folder);
    const put = vi.spyOn(store, "put");
    await using all = install();
    const { runner } = await all.worker({}, { store });
    const server = await all.server({ store });
    const data = new Uint8Array(randomBytes(256 * 256 * 3));
    const image = { width: 256, height: 256, channels: 3 as const, data };
    const { parameters } = requestOf("a square");
    const request = { parameters: { ...parameters, task: "variations" as const }, images: [image] };
    await server.run(jobOf("one", { request }));
    expect(runner.started.map((job) => job.request.images)).toEqual([[image]]);
    expect(put.mock.calls.map(([key]) => key)).toEqual([expect.stringMatching(/^jobs\/[0-9a-f]{40}\/in-0$/)]);
    const keys = async () => {
      const found: string[] = [];
      for await (const { key } of store.list("jobs/")) found.push(key);
      return found;
    };
    await expect.poll(keys).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  it("with the id of another is that job, on the same server and on another", async () => {
    await using all = install();
    const { runner } = await all.worker({ imageMs: 200 });
    const servers = [await all.server(), await all.server()] as const;
    const [a, b, c] = await Promise.all(
      [servers[0], servers[0], servers[1]].map((server) => server.run(jobOf("same"))),
    );
    // Its outcome is kept for a while.
    const later = await servers[1].run(jobOf("same"));
    expect([b, c, later]).toEqual([a, a, a]);
    expect(runner.started).toHaveLength(1);
  });

  it("that the model refuses fails with the model's error, at once", async () => {
    await using all = install();
    const { runner } = await all.worker();
    const server = await all.server();
    const failure = await server.run(jobOf("wrong")).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ArgumentError);
    expect(failure).toMatchObject({ message: "The prompt is wrong.", code: "argument/invalid" });
    expect(runner.started).toHaveLength(1);
  });

  it("of an unknown model, or without workers, is refused", async () => {
    await using all = install();
    const server = await all.server();
    await expect(server.run(jobOf("one"))).rejects.toMatchObject({ code: "no-worker", retryAfter: 5 });
    await all.worker();
    await pause(600);
    await expect(server.run(jobOf("two", { model: "other" }))).rejects.toMatchObject({ code: "unknown-model" });
  });

  it("waits in a bounded queue", async () => {
    await using all = install();
    await all.worker({ imageMs: 3000 });
    const server = await all.server({ bounds: { maxWaitingJobs: 4, maxWaitingImagesOfOwner: 2 } });
    const ends = new AbortController();
    const run = (id: string, owner: string) => server.run(jobOf(id, { owner, signal: ends.signal }));
    const running = run("running", "a");
    await pause(300);
    const waiting = [run("a1", "a"), run("a2", "a"), run("b1", "b")];
    await expect(run("a3", "a")).rejects.toMatchObject({ code: "queue-full", status: 503 });
    waiting.push(run("c1", "c"));
    await expect(run("d1", "d")).rejects.toMatchObject({ code: "queue-full" });
    expect(await server.status()).toMatchObject({ isReady: true, waitingJobs: 4, runningJobs: 1 });
    ends.abort(new Error("over"));
    await expect(Promise.all([running, ...waiting])).rejects.toThrow("over");
  });
});

describe("cancellation", () => {
  it("stops a job that runs, and takes one that waits out of the queue", async () => {
    await using all = install();
    const { runner } = await all.worker({ imageMs: 60_000 }, { batchImages: 1 });
    const server = await all.server();
    const [first, second] = [new AbortController(), new AbortController()];
    const running = server.run(jobOf("running", { signal: first.signal }));
    const waiting = server.run(jobOf("waiting", { signal: second.signal }));
    await expect.poll(() => runner.running).toBe(1);
    second.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    await expect.poll(async () => (await server.status()).waitingJobs).toBe(0);
    first.abort(new Error("gone too"));
    await expect(running).rejects.toThrow("gone too");
    await expect.poll(() => runner.running).toBe(0);
    expect(runner.started.map(({ id }) => id)).toEqual(["running"]);
  });

  it("by one of two callers leaves the job to the other", async () => {
    await using all = install();
    const { runner } = await all.worker({ imageMs: 400 });
    const server = await all.server();
    const controller = new AbortController();
    const gone = server.run(jobOf("one", { signal: controller.signal }));
    const stays = server.run(jobOf("one"));
    await expect.poll(() => runner.running).toBe(1);
    controller.abort(new Error("gone"));
    await expect(gone).rejects.toThrow("gone");
    expect(await stays).toHaveLength(1);
    expect(runner.started).toHaveLength(1);
  });
});

describe("the order", () => {
  it("is fair between owners, and first come first served for each", async () => {
    await using all = install();
    const server = await all.server();
    const { runner } = await all.worker({ imageMs: 20 }, { batchImages: 1 });
    const jobs = [server.run(jobOf("first"))];
    await expect.poll(() => runner.started.length).toBe(1);
    // One asks for six images, another for two a moment later, a third for one of two images.
    for (let i = 1; i <= 6; i++) jobs.push(server.run(jobOf(`a${i}`, { owner: "a" })));
    jobs.push(server.run(jobOf("b1", { owner: "b" })), server.run(jobOf("b2", { owner: "b" })));
    jobs.push(server.run(jobOf("c1", { owner: "c", request: requestOf("c", { count: 2 }) })));
    jobs.push(server.run(jobOf("c2", { owner: "c" })));
    await Promise.all(jobs);
    const order = runner.started.map(({ id }) => id);
    for (const owner of ["a", "b", "c"]) {
      const own = order.filter((id) => id.startsWith(owner));
      expect(own).toEqual(own.toSorted());
    }
    // Whoever asked later does not wait for all images of the first: by the time that all had two turns, only two of a are done.
    expect(order.indexOf("b2")).toBeLessThan(order.indexOf("a4"));
    expect(order.indexOf("c1")).toBeLessThan(order.indexOf("a4"));
    // c had two images by its first job, so its second comes with the third of the others.
    expect(order.indexOf("c2")).toBeLessThan(order.indexOf("a5"));
  });

  it("takes compatible jobs together, and no others", async () => {
    await using all = install();
    const server = await all.server();
    const { runner } = await all.worker({ imageMs: 300 }, { batchImages: 3 });
    const jobs = [server.run(jobOf("first"))];
    await expect.poll(() => runner.started.length).toBe(1);
    for (let i = 1; i <= 4; i++) jobs.push(server.run(jobOf(`x${i}`)));
    const { parameters, images } = requestOf("other");
    jobs.push(server.run(jobOf("other", { request: { parameters: { ...parameters, sampler: "ddim" }, images } })));
    await Promise.all(jobs);
    expect(runner.mostAtOnce).toBe(3);
  });
});

describe("models", () => {
  it("are opened by the least loaded worker, and described by one who has them open", async () => {
    await using all = install();
    const server = await all.server();
    const settings = { loadAfterMs: 60_000 };
    const workers = [
      await all.worker({ models: ["a", "b"] }, settings),
      await all.worker({ models: ["a", "b"] }, settings),
    ];
    const info = await server.describe("a");
    expect(info).toMatchObject({ name: "a", dtype: "f32", device: { tuning: "fake" } });
    await server.run(jobOf("one", { model: "a" }));
    await server.run(jobOf("two", { model: "b" }));
    const open = await Promise.all(
      workers.map(async ({ runner }) => (await runner.models()).filter((one) => one.isLoaded)),
    );
    expect(open.map((models) => models.length)).toEqual([1, 1]);
    await expect
      .poll(() => server.models())
      .toEqual([
        { name: "a", isLoaded: true },
        { name: "b", isLoaded: true },
      ]);
  });

  it("are opened by more workers when their queue grows", async () => {
    await using all = install();
    const server = await all.server();
    const settings = { loadAfterMs: 300, batchImages: 1 };
    const workers = [await all.worker({ imageMs: 300 }, settings), await all.worker({ imageMs: 300 }, settings)];
    await Promise.all(Array.from({ length: 8 }, (_, i) => server.run(jobOf(`job ${i}`))));
    expect(workers.map(({ runner }) => runner.started.length).every((count) => count > 0)).toBe(true);
  });

  it("that a worker cannot open are left to others", async () => {
    await using all = install();
    const server = await all.server();
    await all.worker({ broken: ["shapes"] });
    await pause(200);
    const first = server.run(jobOf("one"));
    await pause(300);
    await all.worker();
    expect(await first).toHaveLength(1);
  });
});

describe("dead letters", () => {
  it("are jobs whose attempts all failed; they can be looked at, sent again and removed", async () => {
    await using all = install();
    const server = await all.server({ times: { retryMs: 20, attempts: 2 } });
    const { runner, worker } = await all.worker();
    const warnings: string[] = [];
    const asked = requestOf("fail");
    await expect(server.run(jobOf("one", { request: asked }))).rejects.toMatchObject({
      code: "model-failed",
      message: "The images could not be generated.",
    });
    expect(runner.started).toHaveLength(2);
    const connection = await QueueConnection.open(all.address);
    try {
      expect(await deadLetters(connection)).toMatchObject([
        { id: "one", model: "shapes", owner: "someone", prompts: ["fail"], attempts: 2, reason: "the prompt fail" },
      ]);
      await retryDeadLetter(connection, "one");
      await expect.poll(() => runner.started.length).toBe(4);
      await expect.poll(async () => (await deadLetters(connection)).length).toBe(1);
      expect(await showJob(connection, "one")).toMatchObject({ state: "failed" });
      await removeDeadLetter(connection, "one");
      expect(await deadLetters(connection)).toEqual([]);
      await expect(removeDeadLetter(connection, "one")).rejects.toMatchObject({ code: "queue/no-job" });
    } finally {
      await connection.close();
    }
    expect(warnings).toEqual([]);
    expect(worker.id).not.toBe("");
  });
});

describe("versions", () => {
  it("that differ are noticed, and their jobs are not mixed", async () => {
    const prefix = randomUUID();
    await using old = install({ prefix, version: "1-old" });
    await using current = install({ prefix, version: "1-new" });
    const [said, saidByWorker]: [string[], string[]] = [[], []];
    const server = await current.server({ onWarning: (message) => said.push(message) });
    await old.worker({}, { onWarning: (message) => saidByWorker.push(message) });
    await expect(server.run(jobOf("one"))).rejects.toMatchObject({ code: "no-worker" });
    expect(await server.status()).toMatchObject({
      isReady: false,
      reason: "Workers of another version (1-old) get no jobs of this server (1-new): update one or the other.",
    });
    expect(said.join()).toContain("has version 1-old, this server 1-new");
    expect(saidByWorker.join()).toContain("has version 1-new, this worker 1-old");
    const { runner } = await current.worker();
    await pause(600);
    expect(await server.run(jobOf("two"))).toHaveLength(1);
    expect(runner.started).toHaveLength(1);
  });
});

describe("a worker that is told to end", () => {
  it("finishes what runs in time, takes no more, and withdraws its announcement", async () => {
    await using all = install();
    const server = await all.server();
    const { runner, worker } = await all.worker({ imageMs: 400 }, { batchImages: 1 });
    const jobs = ["one", "two"].map((id) => server.run(jobOf(id)));
    await expect.poll(() => runner.running).toBe(1);
    await worker.close({ graceMs: 5000 });
    expect(runner.started).toHaveLength(1);
    const connection = await QueueConnection.open(all.address);
    expect(await listWorkers(connection.redis, connection.names)).toEqual([]);
    await connection.close();
    const next = await all.worker();
    expect((await Promise.all(jobs)).flat()).toHaveLength(2);
    expect(next.runner.started).toHaveLength(1);
  });

  it("gives back what is not done in time", async () => {
    await using all = install();
    const server = await all.server();
    const { runner, worker } = await all.worker({ imageMs: 60_000 });
    const job = server.run(jobOf("one"));
    await expect.poll(() => runner.running).toBe(1);
    await worker.close({ graceMs: 50 });
    const next = await all.worker();
    expect(await job).toHaveLength(1);
    expect(next.runner.started).toHaveLength(1);
  });
});

describe("a server that is told to end", () => {
  it("refuses what waits, and waits for what runs", async () => {
    await using all = install();
    const server = await all.server();
    const { runner } = await all.worker({ imageMs: 400 }, { batchImages: 1 });
    const running = server.run(jobOf("running"));
    await expect.poll(() => runner.running).toBe(1);
    const waiting = server.run(jobOf("waiting"));
    await expect.poll(async () => (await server.status()).waitingJobs).toBe(1);
    const closed = server.close({ graceMs: 5000 });
    await expect(waiting).rejects.toMatchObject({ code: "closing" });
    await expect(server.run(jobOf("late"))).rejects.toMatchObject({ code: "closing" });
    expect(await running).toHaveLength(1);
    await closed;
  });
});
