// The commands as processes, with the Shapes model on a real adapter.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ImageRequest } from "../../../src/requests/request.js";
import { GpuHostDevice } from "../../../src/server/local/gpu-host-device.js";
import { LocalRunner } from "../../../src/server/local/local-runner.js";
import { QueueRunner } from "../../../src/server/queue/queue-runner.js";
import { CLI, dalle2Beside } from "../../support/cli.js";
import { eventually } from "../support/eventually.js";
import { ServerProcess } from "../support/server-process.js";
import { RedisServer } from "./support/redis-server.js";
import { jobOf, Recorder } from "./support/workers.js";

const PASSWORD = "a-secret-of-the-queue";
const env = { ...process.env, DALLE2_QUEUE_PASSWORD: PASSWORD };
const folder = mkdtempSync(join(tmpdir(), "dalle2-queue-"));
let redis: RedisServer;
let worker: ChildProcess;
let said = "";

beforeAll(async () => {
  redis = await RedisServer.start(["--requirepass", PASSWORD]);
  worker = spawn(process.execPath, [CLI, "worker", "--queue", redis.url, "--queue-files", join(folder, "files")], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [worker.stdout!, worker.stderr!]) {
    stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  }
  await eventually(() => {
    expect(said).toContain("this worker takes jobs");
    return Promise.resolve();
  }, 60_000);
});

afterAll(async () => {
  worker.kill("SIGKILL");
  await redis[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const queue = async (...args: readonly string[]) =>
  await dalle2Beside(["queue", ...args, "--queue", redis.url], { env: { DALLE2_QUEUE_PASSWORD: PASSWORD } });

it("a worker generates the images of the local run, byte by byte", async () => {
  const request: ImageRequest = {
    parameters: {
      task: "create",
      prompts: ["a red circle", "a blue square"],
      count: 1,
      seed: 3,
      prior: { steps: 2 },
      unets: [{ steps: 2 }, { steps: 2 }],
    },
    images: [],
  };
  const server = await QueueRunner.open({ url: redis.url, password: PASSWORD });
  const seen = new Recorder();
  const remote = await server.run(jobOf("one", { request, events: seen.events, previewEvery: 1 }));
  await server.close({ graceMs: 0 });
  const runner = await LocalRunner.open({ models: [{ name: "shapes" }], openDevice: () => GpuHostDevice.open() });
  const local = await runner.run(jobOf("one", { request }));
  await runner.close({ graceMs: 0 });
  expect(remote).toEqual(local);
  expect(seen.stages).toContain("loading");
  expect(seen.previews.length).toBeGreaterThan(0);
});

it("dalle2 serve --queue answers OpenAI's client by the worker", async () => {
  const server = await ServerProcess.start({
    args: ["--queue", redis.url, "--queue-files", join(folder, "files")],
    env: { DALLE2_QUEUE_PASSWORD: PASSWORD },
  });
  const client = server.client();
  expect((await client.models.list()).data.map(({ id }) => id)).toEqual(["shapes"]);
  const { data } = await client.images.generate({
    prompt: "a green triangle",
    model: "shapes",
    response_format: "b64_json",
  });
  expect(Buffer.from(data![0]!.b64_json!, "base64").subarray(1, 4).toString()).toBe("PNG");
  expect((await server.stop()).status).toBe(0);
  expect(server.stderr).not.toContain(PASSWORD);
});

it("dalle2 queue shows queues, workers and finished jobs", async () => {
  const list = await queue("list");
  expect(list.stderr).toBe("");
  expect(list.stdout).toMatch(/^shapes \(version \S+\): 0 waiting, 0 running, 0 set aside$/m);
  const members = await queue("workers", "--json");
  expect(JSON.parse(members.stdout)).toMatchObject({
    workers: [{ pid: worker.pid, models: ["shapes"], loaded: ["shapes"], runningJobs: 0, devices: [{}] }],
  });
  const output = join(folder, "images");
  const shown = await queue("show", "one", "--output", output);
  expect(shown.stdout.trim()).toBe("one: done, 2 images");
  expect(readdirSync(output).sort()).toEqual(["one-1.png", "one-2.png"]);
  expect(readFileSync(join(output, "one-1.png")).subarray(1, 4).toString()).toBe("PNG");
  const missing = await queue("retry", "other");
  expect([missing.status, missing.stderr]).toEqual([1, expect.stringContaining("There is no job other in the queue.")]);
});

it("a wrong password, or no Redis, is said without the secret", async () => {
  const wrong = await dalle2Beside(["queue", "list", "--queue", redis.url.replace("//", "//:not-the-password@")]);
  expect(wrong.status).toBe(1);
  expect(wrong.stderr).toContain("cannot be reached");
  expect(wrong.stderr).not.toContain("not-the-password");
  const url = await dalle2Beside(["worker", "--queue", "http://127.0.0.1"]);
  expect(url.stderr).toContain("is not the URL of a queue");
});

it("a worker ends on SIGTERM", async () => {
  const closed = once(worker, "close");
  worker.kill("SIGTERM");
  expect(await closed).toEqual([0, null]);
  expect(JSON.parse((await queue("workers", "--json")).stdout)).toMatchObject({ workers: [] });
  expect(said).not.toContain(PASSWORD);
});
