// Workers and Redis are killed in the middle of jobs. QUEUE_KILLS says how often: `npm run test:kills` runs the long form.
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { QueueAddress } from "../../../src/server/queue/connection.js";
import { QueueConnection } from "../../../src/server/queue/connection.js";
import { deadLetters, retryDeadLetter } from "../../../src/server/queue/dead-letters.js";
import { QueueRunner } from "../../../src/server/queue/queue-runner.js";
import type { QueueWorkerSettings } from "../../../src/server/queue/queue-worker.js";
import type { Job } from "../../../src/server/jobs/job.js";
import { ServerError } from "../../../src/server/server-error.js";
import { RedisServer } from "./support/redis-server.js";
import { imageOf } from "./support/slow-runner.js";
import { jobOf, requestOf, WorkerProgram, type WorkerProcess } from "./support/workers.js";

const KILLS = Number(process.env.QUEUE_KILLS ?? 10);
const SETTINGS: QueueWorkerSettings = {
  hold: { lockMs: 1000, maxLosses: 3 },
  pollMs: 100,
  batchImages: 1,
  loadAfterMs: 500,
};

const program = new WorkerProgram();
let redis: RedisServer;

beforeAll(async () => {
  [redis] = await Promise.all([RedisServer.start(), program.build()]);
});

afterAll(async () => {
  await program[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

function start(address: QueueAddress, imageMs: number, settings: QueueWorkerSettings = {}): Promise<WorkerProcess> {
  const behaviour = { models: ["shapes"], imageMs };
  return program.start({ address, behaviour, settings: { ...SETTINGS, ...settings } });
}

const newAddress = (): QueueAddress => ({ url: redis.url, prefix: randomUUID() });

describe("a worker that is killed in the middle of a job", () => {
  it("loses it to another, which generates the same image", async () => {
    const address = newAddress();
    const server = await QueueRunner.open(address, { pollMs: 200 });
    const job = jobOf("one", { request: requestOf("a circle", { seed: 5 }) });
    const first = await start(address, 60_000);
    const images = server.run(job);
    await first.begins(1);
    await first.end("SIGKILL");
    const second = await start(address, 20);
    expect(await images).toEqual([await imageOf(job, 0)]);
    expect(second.started).toEqual(["one"]);
    await server.close({ graceMs: 0 });
  });

  it("because of the job gives it to no more than a few others; it can be sent again", async () => {
    const address = newAddress();
    const server = await QueueRunner.open(address, { pollMs: 200 });
    const settings = { hold: { lockMs: 300, maxLosses: 1 } };
    const workers = [await start(address, 20, settings), await start(address, 20, settings)];
    const failed = server.run(jobOf("kill"));
    failed.catch(() => undefined);
    await expect.poll(() => workers.every(({ isRunning }) => !isRunning), { timeout: 20_000 }).toBe(true);
    // The one that finds it set aside is not harmed.
    const third = await start(address, 20, settings);
    await expect(failed).rejects.toMatchObject({ code: "model-failed" });
    expect(third.isRunning).toBe(true);
    const connection = await QueueConnection.open(address);
    expect(await deadLetters(connection)).toMatchObject([
      { id: "kill", losses: 2, reason: "Workers ended in the middle of the job 2 times." },
    ]);
    await retryDeadLetter(connection, "kill");
    await expect.poll(() => third.isRunning, { timeout: 20_000 }).toBe(false);
    await connection.close();
    await server.close({ graceMs: 0 });
  });

  it(`${KILLS} times: each job ends in its images, or in a failure that is said`, { timeout: 600_000 }, async () => {
    const address = newAddress();
    const server = await QueueRunner.open(address, { pollMs: 200 });
    let workers = await Promise.all([start(address, 250), start(address, 250)]);
    const killed: WorkerProcess[] = [];
    const jobs: Job[] = [];
    const results: Promise<unknown>[] = [];
    let ended = 0;
    /** There is always enough to do. */
    const addJobs = () => {
      while (jobs.length - ended < 6) {
        const job = jobOf(`job ${jobs.length}`, { owner: `owner ${jobs.length % 3}` });
        jobs.push(job);
        results.push(
          server
            .run(job)
            .catch((error: unknown) => error)
            .finally(() => ended++),
        );
      }
    };
    const adding = setInterval(addJobs, 50);
    addJobs();
    for (let kills = 0; kills < KILLS; kills++) {
      const [victim, other] = workers;
      // In the middle of a job, which takes longer than the pause.
      await victim.begins(victim.started.length + 1);
      await pause(50);
      await victim.end("SIGKILL");
      killed.push(victim);
      workers = [other, await start(address, 250)];
    }
    clearInterval(adding);
    const all = await Promise.all(results);
    expect(all.length).toBeGreaterThan(KILLS);
    for (const [i, result] of all.entries()) {
      if (result instanceof ServerError) expect(result.code).toBe("model-failed");
      else expect(result).toEqual([await imageOf(jobs[i]!, 0)]);
    }
    // A job fails only if it is the victim of several kills.
    expect(all.filter((result) => result instanceof ServerError).length).toBeLessThan(KILLS / 4);
    // Each kill loses a job to another worker, and nothing else is begun twice.
    const begun = workers.concat(killed).reduce((sum, { started }) => sum + started.length, 0);
    expect(begun).toBeLessThanOrEqual(all.length + KILLS);
    expect(await server.status()).toMatchObject({ waitingJobs: 0, runningJobs: 0 });
    await server.close({ graceMs: 0 });
  });
});

describe.each([
  { name: "that keeps nothing", options: [] },
  { name: "that keeps a log on disk", options: ["--appendonly", "yes", "--appendfsync", "always"] },
])("a Redis $name", ({ options }) => {
  it("is killed and comes back: each job ends in its images", async () => {
    await using own = await RedisServer.start(options);
    const address = { url: own.url };
    const warnings: string[] = [];
    const server = await QueueRunner.open(address, { pollMs: 200, onWarning: (message) => warnings.push(message) });
    const workers = await Promise.all([start(address, 400), start(address, 400)]);
    const image = { width: 8, height: 8, channels: 3 as const, data: new Uint8Array(192).fill(9) };
    const jobs = Array.from({ length: 10 }, (_, i) => {
      const { parameters } = requestOf(`job ${i}`);
      const request = { parameters: { ...parameters, task: "variations" as const }, images: [image] };
      return jobOf(`job ${i}`, i % 2 === 0 ? { request } : {});
    });
    let told = 0;
    const results = jobs.map((job) => server.run({ ...job, events: { onImage: () => told++ } }));
    await Promise.all(workers.map((worker) => worker.begins(1)));
    await own.kill();
    await pause(1500);
    await own.restart();
    const all = await Promise.all(results);
    for (const [i, images] of all.entries()) expect(images).toEqual([await imageOf(jobs[i]!, 0)]);
    // As the caller sees it, nothing is generated twice.
    expect(told).toBe(jobs.length);
    expect(warnings.join("\n")).toMatch(/is lost[^]*is back/);
    expect(await server.status()).toMatchObject({ isReady: true });
    await server.close({ graceMs: 0 });
  });
});

describe("a Redis that is away", () => {
  it("makes the server say so, and is waited for by what was accepted", async () => {
    await using own = await RedisServer.start();
    const address = { url: own.url };
    const server = await QueueRunner.open(address, { pollMs: 200 });
    const worker = await start(address, 250);
    const accepted = server.run(jobOf("accepted"));
    await worker.begins(1);
    await own.kill();
    await expect.poll(() => server.status()).toMatchObject({ isReady: false, reason: "the queue cannot be reached" });
    await expect(server.run(jobOf("new"))).rejects.toMatchObject({ code: "no-worker", retryAfter: 5 });
    await own.restart();
    expect(await accepted).toHaveLength(1);
    await server.close({ graceMs: 0 });
  });

  it("without an end of its connections does not keep callers waiting", async () => {
    await using own = await RedisServer.start();
    const address = { url: own.url };
    const server = await QueueRunner.open(address, { pollMs: 200 });
    own.freeze();
    const answers = [server.status(), server.run(jobOf("new")).catch((error: unknown) => error)];
    expect(await Promise.all(answers)).toMatchObject([
      { isReady: false, reason: "the queue cannot be reached" },
      { code: "no-worker" },
    ]);
    own.thaw();
    await expect.poll(() => server.status()).toMatchObject({ reason: "no worker is there" });
    await server.close({ graceMs: 0 });
  });
});
