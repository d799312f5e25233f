import type { Counter, Gauge, Histogram } from "prom-client";
import { adapterName } from "../../gpu/adapter.js";
import type { JobRunner } from "../jobs/job-runner.js";
import { loadPackage } from "../load-package.js";
import { statusOf } from "./runner-status.js";

/** How a job ended. `refused`: it was not taken, such as by a full queue; `aborted`: the caller has gone or the time was over. */
export type JobOutcome = "done" | "failed" | "refused" | "aborted";

/** What the server counts. */
export interface Metrics {
  /** All metrics in the text format of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
  readonly jobs: Counter<"model" | "outcome">;
  readonly images: Counter<"model">;
  /** Of jobs that were done. Stages: `waiting`, `loading`, `prior`, `unet1`, `unet2` …, `finishing` (PNG files), and `all`. */
  readonly stageSeconds: Histogram<"model" | "stage">;
  readonly requests: Counter<"method" | "route" | "status">;
  readonly requestSeconds: Histogram<"route">;
  readonly bytes: Counter<"direction">;
}

/** From milliseconds of the Shapes model to minutes of Karlo. */
const SECONDS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000];

/** Opens the metrics of a server. Rejects with `MissingPackageError` without the package `prom-client`. */
export async function openMetrics(runner: JobRunner): Promise<Metrics> {
  const prom = await loadPackage("prom-client", "the server's metrics", () => import("prom-client"));
  const registry = new prom.Registry();
  const registers = [registry];
  prom.collectDefaultMetrics({ register: registry, prefix: "dalle2_" });
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new prom.Counter({ name: `dalle2_${name}`, help, labelNames, registers });
  const histogram = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new prom.Histogram({ name: `dalle2_${name}`, help, labelNames, buckets: SECONDS, registers });
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new prom.Gauge({ name: `dalle2_${name}`, help, labelNames, registers });
  const gauges: Gauges = {
    ready: gauge("ready", "1 if jobs can be run now, else 0."),
    waiting: gauge("queue_waiting_jobs", "Jobs that wait."),
    running: gauge("queue_running_jobs", "Jobs that run."),
    losses: gauge("device_losses", "How often a GPU device was lost since the start."),
    used: gauge("gpu_memory_used_bytes", "GPU memory in use.", ["device"]),
    most: gauge("gpu_memory_limit_bytes", "GPU memory that may be used.", ["device"]),
  };
  return {
    contentType: registry.contentType,
    async text() {
      // Before the registry collects: one call of the runner tells all gauges.
      await read(runner, gauges);
      return registry.metrics();
    },
    jobs: counter("jobs_total", "Jobs that ended, by outcome.", ["model", "outcome"]),
    images: counter("images_total", "Images that were generated.", ["model"]),
    stageSeconds: histogram("job_stage_seconds", "Time of jobs in each stage.", ["model", "stage"]),
    requests: counter("http_requests_total", "HTTP requests that were answered.", ["method", "route", "status"]),
    requestSeconds: histogram("http_request_seconds", "Time until an answer was sent or given up.", ["route"]),
    bytes: counter("http_bytes_total", "Bytes of HTTP requests (in) and answers (out).", ["direction"]),
  };
}

interface Gauges {
  readonly ready: Gauge;
  readonly waiting: Gauge;
  readonly running: Gauge;
  readonly losses: Gauge;
  readonly used: Gauge<"device">;
  readonly most: Gauge<"device">;
}

/** Reads the state of a runner into gauges. */
async function read(runner: JobRunner, { ready, waiting, running, losses, used, most }: Gauges): Promise<void> {
  // Devices come and go with their workers.
  used.reset();
  most.reset();
  const status = await statusOf(runner);
  ready.set(status?.isReady ? 1 : 0);
  if (!status) return;
  waiting.set(status.waitingJobs);
  running.set(status.runningJobs);
  losses.set(status.deviceLosses ?? 0);
  status.devices.forEach(({ adapter, usedBytes, memoryBytes }, i) => {
    const device = `${i} ${adapterName(adapter)}`;
    used.set({ device }, usedBytes);
    if (memoryBytes !== undefined) most.set({ device }, memoryBytes);
  });
}
