// Workers and servers when single things fail.
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Job } from "../../../src/server/jobs/job.js";
import { QueueConnection } from "../../../src/server/queue/connection.js";
import { FairPlaces } from "../../../src/server/queue/fairness.js";
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
    const place = FairPlaces.prototype.place; // eslint-disable-line @typescript-eslint/unbound-method
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
