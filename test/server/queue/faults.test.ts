// Workers and servers when single things fail: a job, a call of Redis, a description, a file.
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Job } from "../../../src/server/jobs/job.js";
import { QueueConnection } from "../../../src/server/queue/connection.js";
import { FairPlaces } from "../../../src/server/queue/fairness.js";
import { JobFiles } from "../../../src/server/queue/job-files.js";
import { ModelQueue } from "../../../src/server/queue/model-queue.js";
import { Installation } from "./support/installation.js";
import { RedisServer } from "./support/redis-server.js";
import { jobOf, requestOf } from "./support/workers.js";

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
});

afterEach(() => {
  vi.restoreAllMocks();
});

afterAll(async () => {
  await redis[Symbol.asyncDispose]();
});

const install = () => new Installation({ url: redis.url });

/** No lock ends by itself while a test runs. */
const LONG_HOLD = { hold: { lockMs: 60_000 } };

/** A method that is about to be replaced by one that calls it. */
function methodOf<T extends object, Name extends keyof T>(prototype: T, name: Name): T[Name] {
  return prototype[name];
}

/** A job with an input image, which goes through Redis. */
function variationOf(id: string, options: Partial<Omit<Job, "id">> = {}): Job {
  const { parameters } = requestOf(id);
  const image = { width: 2, height: 2, channels: 3 as const, data: new Uint8Array(12) };
  return jobOf(id, { ...options, request: { parameters: { ...parameters, task: "variations" }, images: [image] } });
}

/** Keys of input files of jobs in Redis. */
async function inputKeys({ address }: Installation): Promise<readonly string[]> {
  const connection = await QueueConnection.open(address);
  const keys = await connection.redis.keys(`${address.prefix}:blob:*/in-*`);
  await connection.close();
  return keys;
}

describe("a worker goes on", () => {
  it("after a damaged job, whose model other jobs need", async () => {
    await using all = install();
    await all.worker({}, LONG_HOLD);
    const connection = await QueueConnection.open(all.address);
    const queue = connection.queue("shapes");
    await queue.add("generate", { kind: "generate", model: 7 }, { jobId: connection.names.job("damaged") });
    await connection.redis.publish(connection.names.wake, "shapes");
    await expect.poll(() => queue.getFailedCount()).toBe(1);
    await expect.poll(() => connection.redis.get(connection.names.loading("shapes"))).toBeNull();
    await connection.close();
    const server = await all.server();
    expect(await server.run(jobOf("one"))).toHaveLength(1);
  });

  it("after Redis refused a command, and others may open the model meanwhile", async () => {
    const refused = new Error("READONLY You can't write against a read only replica.");
    vi.spyOn(ModelQueue.prototype, "take").mockRejectedValueOnce(refused);
    await using all = install();
    const warnings: string[] = [];
    // The next try is later than the test.
    const slow = { ...LONG_HOLD, pollMs: 20_000, onWarning: (message: string) => warnings.push(message) };
    const first = await all.worker({}, slow);
    const server = await all.server();
    const job = server.run(jobOf("one"));
    await expect.poll(() => warnings).toEqual([refused.message]);
    const second = await all.worker({}, { ...LONG_HOLD, loadAfterMs: 100 });
    expect(await job).toHaveLength(1);
    expect([first, second].map(({ runner }) => runner.started.length)).toEqual([0, 1]);
  });

  it("after a model could not be described", async () => {
    await using all = install();
    const warnings: string[] = [];
    const { runner } = await all.worker({}, { onWarning: (message) => warnings.push(message) });
    vi.spyOn(runner, "describe").mockRejectedValue(new Error("The file is gone."));
    const server = await all.server();
    for (const id of ["one", "two"]) expect(await server.run(jobOf(id))).toHaveLength(1);
    expect(warnings).toContain("The file is gone.");
  });

  it("with a job that it has taken when its runner cannot say what is open", async () => {
    await using all = install();
    const { runner } = await all.worker({}, LONG_HOLD);
    const models = vi.spyOn(runner, "models");
    const take = methodOf(ModelQueue.prototype, "take");
    vi.spyOn(ModelQueue.prototype, "take").mockImplementationOnce(async function (this: ModelQueue, token) {
      const taken = await take.call(this, token);
      models.mockRejectedValueOnce(new Error("The device is gone."));
      return taken;
    });
    const server = await all.server();
    for (const id of ["one", "two"]) expect(await server.run(jobOf(id))).toHaveLength(1);
  });

  it("with the jobs that it has taken if it cannot take more", async () => {
    await using all = install();
    const server = await all.server();
    const warnings: string[] = [];
    const settings = { ...LONG_HOLD, onWarning: (message: string) => warnings.push(message) };
    const { runner } = await all.worker({ imageMs: 300 }, settings);
    const jobs = [server.run(jobOf("first"))];
    await expect.poll(() => runner.running).toBe(1);
    jobs.push(server.run(jobOf("a")), server.run(jobOf("b")));
    await expect.poll(async () => (await server.status()).waitingJobs).toBe(2);
    const take = methodOf(ModelQueue.prototype, "take");
    vi.spyOn(ModelQueue.prototype, "take")
      .mockImplementationOnce(function (this: ModelQueue, token) {
        return take.call(this, token);
      })
      .mockRejectedValueOnce(new Error("lost"));
    expect((await Promise.all(jobs)).flat()).toHaveLength(3);
    expect(warnings).toEqual(["lost"]);
  });
});

it("the jobs of a batch begin together, when the files of all are read", async () => {
  await using all = install();
  const server = await all.server();
  const { runner } = await all.worker({ imageMs: 300 });
  const first = server.run(jobOf("first"));
  await expect.poll(() => runner.running).toBe(1);
  const jobs = ["a", "b", "c"].map((id) => server.run(variationOf(id)));
  await expect.poll(async () => (await server.status()).waitingJobs).toBe(3);
  const log: string[] = [];
  const get = methodOf(JobFiles.prototype, "get");
  let reads = 0;
  vi.spyOn(JobFiles.prototype, "get").mockImplementation(async function (this: JobFiles, reference) {
    // Each takes longer than the one before. The server reads finished images.
    if (reference.includes("/in-")) await pause(100 * reads++);
    const bytes = await get.call(this, reference);
    if (reference.includes("/in-")) log.push("read");
    return bytes;
  });
  const run = runner.run.bind(runner);
  vi.spyOn(runner, "run").mockImplementation((job) => {
    log.push("run");
    return run(job);
  });
  await Promise.all([first, ...jobs]);
  expect(log).toEqual(["read", "read", "read", "run", "run", "run"]);
});

it("a job whose files are gone does not fail the others of its batch", async () => {
  await using all = install();
  const server = await all.server({ times: { attempts: 1 } });
  const { runner } = await all.worker({ imageMs: 300 });
  const first = server.run(jobOf("first"));
  await expect.poll(() => runner.running).toBe(1);
  const jobs = ["a", "b"].map((id) => server.run(variationOf(id)));
  await expect.poll(async () => (await server.status()).waitingJobs).toBe(2);
  const connection = await QueueConnection.open(all.address);
  const [key] = await connection.redis.keys(`${all.address.prefix}:blob:*/in-0`);
  await connection.redis.del(key!);
  await connection.close();
  await first;
  const ends = await Promise.allSettled(jobs);
  expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
});

describe("a job that is cancelled", () => {
  it("while it waits takes its files along", async () => {
    await using all = install();
    const { runner } = await all.worker({ imageMs: 60_000 }, { batchImages: 1 });
    const server = await all.server();
    const ends = new AbortController();
    const running = server.run(jobOf("running", { signal: ends.signal }));
    await expect.poll(() => runner.running).toBe(1);
    const controller = new AbortController();
    const waiting = server.run(variationOf("waiting", { signal: controller.signal }));
    await expect.poll(async () => (await server.status()).waitingJobs).toBe(1);
    expect(await inputKeys(all)).toHaveLength(1);
    controller.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    await expect.poll(() => inputKeys(all)).toEqual([]);
    ends.abort(new Error("over"));
    await expect(running).rejects.toThrow("over");
  });

  it("before it is in the queue leaves no files", async () => {
    await using all = install();
    await all.worker();
    const server = await all.server();
    const place = methodOf(FairPlaces.prototype, "place");
    const controller = new AbortController();
    vi.spyOn(FairPlaces.prototype, "place").mockImplementation(async function (this: FairPlaces, ...given) {
      expect(await inputKeys(all)).toHaveLength(1);
      controller.abort(new Error("gone"));
      await place.apply(this, given);
    });
    await expect(server.run(variationOf("one", { signal: controller.signal }))).rejects.toThrow("gone");
    await expect.poll(() => inputKeys(all)).toEqual([]);
  });
});

it("who asks for a description and goes gets the reason of their signal, at once", async () => {
  await using all = install();
  await all.worker({ openMs: 3000 });
  const server = await all.server();
  const reason = new Error("gone");
  const controller = new AbortController();
  const asked = server.describe("shapes", controller.signal);
  await pause(200);
  controller.abort(reason);
  const begin = performance.now();
  await expect(asked).rejects.toBe(reason);
  expect(performance.now() - begin).toBeLessThan(1000);
  await expect(server.describe("shapes", AbortSignal.abort(reason))).rejects.toBe(reason);
});
