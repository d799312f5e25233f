// `npm run bench:queue`: how many jobs per second the queue passes between one server and many workers, over one Redis on this
// machine. The workers generate nothing: they wait for the given time and send an image of the given size. Each row is a number of
// workers. Uses the last `npm run build`, and redis-server.
//
//   npm run bench:queue -- --workers 1,2,4,8 --ms 0 --bytes 20000 --seconds 10
//
// `--ms` is the time of an image, `--batch` how many images a worker takes at once, one after another.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { QueueRunner } from "../dist/server/queue/queue-runner.js";
import { QueueWorker } from "../dist/server/queue/queue-worker.js";

const SELF = fileURLToPath(import.meta.url);
const MODEL = "none";
const STEPS = 20;
/** Workers that share a process: a process for each would measure the memory of this machine. */
const WORKERS_PER_PROCESS = 8;

const { AbortController, clearTimeout, performance, setTimeout } = globalThis;

/** What a worker does in place of a GPU. */
class WaitingRunner {
  constructor({ ms, bytes }) {
    this.ms = ms;
    this.png = new Uint8Array(bytes);
    // Images of jobs that run at once come one after another, as from one GPU.
    this.last = Promise.resolve();
  }

  models() {
    return Promise.resolve([{ name: MODEL, isLoaded: true }]);
  }

  describe() {
    const device = { adapter: {}, tuning: "none", memoryBytes: undefined, usedBytes: 0 };
    const parts = { prior: undefined, decoder: undefined, clip: undefined, defaults: { prior: {}, decoder: {} } };
    return Promise.resolve({ name: MODEL, isLoaded: true, dtype: "f32", device, ...parts });
  }

  status() {
    return Promise.resolve({ isReady: true, waitingJobs: 0, runningJobs: 0, devices: [] });
  }

  async run({ request, events }) {
    const before = this.last;
    const turn = before.then(() => this.#steps(events));
    this.last = turn;
    await turn;
    const { seed } = request.parameters;
    return [{ png: this.png, width: 64, height: 64, seed, parameters: { script: "none", tuning: "none" } }];
  }

  async #steps(events) {
    if (this.ms === 0) return;
    for (let step = 1; step <= STEPS; step++) {
      await pause(this.ms / STEPS);
      events.onProgress?.({ phase: "decoder", unetNumber: 1, step, steps: STEPS, millisecondsLeft: 1 });
    }
  }
}

/** A process with workers. Ends with its input. */
async function workerProcess({ url, count, ms, bytes, batch }) {
  const start = () =>
    QueueWorker.start({ url }, new WaitingRunner({ ms, bytes }), { batchImages: batch, onWarning: console.error });
  await Promise.all(Array.from({ length: count }, start));
  console.log("ready");
  process.stdin.resume().once("end", () => process.exit());
}

async function startWorkers(settings, total) {
  const children = [];
  for (let left = total; left > 0; left -= WORKERS_PER_PROCESS) {
    const count = Math.min(left, WORKERS_PER_PROCESS);
    const child = spawn(process.execPath, [SELF, "worker", JSON.stringify({ ...settings, count })], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    children.push(child);
  }
  return children;
}

async function startRedis() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  const folder = mkdtempSync(join(tmpdir(), "dalle2-rate-"));
  const child = spawn("redis-server", ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""], {
    stdio: "ignore",
  });
  child.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return { child, url: `redis://127.0.0.1:${port}` };
}

const job = (id, seed) => ({
  id: `${id}-${seed}`,
  model: MODEL,
  owner: `owner-${seed % 10}`,
  request: {
    parameters: { task: "create", prompts: ["a red circle"], count: 1, seed, prior: {}, unets: [] },
    images: [],
  },
  signal: new AbortController().signal,
  events: {},
});

/** Keeps the queue filled for some seconds. Returns the jobs per second that ended, and the processor seconds of a job here. */
async function measure(server, { id, seconds, waiting }) {
  const WARM_UP = 2000;
  const begin = performance.now() + WARM_UP;
  const end = begin + seconds * 1000;
  let done = 0;
  let seed = 0;
  let cpu = process.cpuUsage();
  const timer = setTimeout(() => (cpu = process.cpuUsage()), WARM_UP);
  const caller = async () => {
    while (performance.now() < end) {
      await server.run(job(id, seed++));
      const now = performance.now();
      if (now >= begin && now < end) done++;
    }
  };
  await Promise.all(Array.from({ length: waiting }, caller));
  clearTimeout(timer);
  const { user, system } = process.cpuUsage(cpu);
  return { rate: done / seconds, cpuMs: (user + system) / 1000 / Math.max(done, 1) };
}

async function main() {
  const { values } = parseArgs({
    options: {
      workers: { type: "string", default: "1,2,4,8,16,32" },
      ms: { type: "string", default: "0" },
      bytes: { type: "string", default: "20000" },
      batch: { type: "string", default: "8" },
      seconds: { type: "string", default: "10" },
    },
  });
  const [ms, bytes, batch, seconds] = [values.ms, values.bytes, values.batch, values.seconds].map(Number);
  const redis = await startRedis();
  const server = await QueueRunner.open({ url: redis.url }, { bounds: { maxWaitingImagesOfOwner: 10_000 } });
  console.log(`${ms} ms and ${bytes} bytes an image, batches of ${batch}; ${cpus().length} cores`);
  console.log("workers  jobs/s  of ideal  processor ms of the server per job  load");
  for (const workers of values.workers.split(",").map(Number)) {
    const children = await startWorkers({ url: redis.url, ms, bytes, batch }, workers);
    const { rate, cpuMs } = await measure(server, { id: `w${workers}`, seconds, waiting: workers * batch * 2 + 16 });
    const ideal = ms === 0 ? "" : `${((100 * rate * ms) / 1000 / workers).toFixed(0)} %`;
    const columns = [
      `${workers}`.padStart(7),
      rate.toFixed(1).padStart(6),
      ideal.padStart(8),
      cpuMs.toFixed(2).padStart(35),
    ];
    console.log(`${columns.join("  ")}  ${loadavg()[0].toFixed(1)}`);
    await Promise.all(
      children.map((child) => {
        child.stdin.end();
        return once(child, "exit");
      }),
    );
    // The announcements of the workers that ended expire.
    await pause(1000);
  }
  await server.close({ graceMs: 0 });
  redis.child.kill();
}

if (process.argv[2] === "worker") await workerProcess(JSON.parse(process.argv[3]));
else await main();
