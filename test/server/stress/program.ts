// The server as a process of its own, with all of its parts; only the model is fake. Its settings are its argument.
import process from "node:process";
import { setTimeout as wait } from "node:timers/promises";
import { CONNECTION_LIMITS } from "../../../src/server/guard/http-server.js";
import { createApp } from "../../../src/server/http/app.js";
import { listen } from "../../../src/server/http/listen.js";
import { DEFAULT_SETTINGS } from "../../../src/server/http/parts.js";
import { LocalRunner } from "../../../src/server/local/local-runner.js";
import { openProtection } from "../../../src/server/protection.js";
import { FakeMachine } from "../support/fake-device.js";
import type { StressMessage, StressOrder, StressReport, StressSettings } from "./settings.js";

const settings = JSON.parse(process.argv[2]!) as StressSettings;
const machine = new FakeMachine();
machine.steps = settings.steps;

const runner = await LocalRunner.open({
  models: [{ name: "shapes" }, { name: "other" }],
  openDevice: machine.open,
  maxWaitingJobs: settings.maxWaitingJobs,
  maxBatchSize: settings.maxBatchSize,
  preload: ["shapes"],
});

let { stepMs } = settings;
let mostWaitingJobs = 0;
machine.onStep = async () => {
  mostWaitingJobs = Math.max(mostWaitingJobs, (await runner.status()).waitingJobs);
  await wait(stepMs);
};

/** Lines of the log that are kept for a report. */
const MAX_LINES = 20;
let errors: string[] = [];
const log = {
  write: (line: string): void => {
    // Refusals are answers, such as 503.
    const { status = 500 } = JSON.parse(line) as { readonly status?: number };
    if (status === 500 && errors.length < MAX_LINES) errors.push(line);
  },
};

const host = "127.0.0.1";
const protection = await openProtection(
  {
    host,
    keysFile: settings.keysFile,
    needsKeys: true,
    limits: {},
    maxBodyBytes: settings.maxBodyBytes,
    maxBodyBytesAtOnce: settings.maxBodyBytesAtOnce,
    maxPixels: settings.maxPixels,
    allowedHosts: [],
    allowedOrigins: [],
    // Small, so that it is full early: what is kept does not count as a leak.
    results: { location: "memory", minutes: 1, maxBytes: 2 ** 20, maxFiles: 100 },
    logLevel: "error",
    logPrompts: false,
  },
  runner,
  log,
);
const { maxPixelsAtOnce, maxOutputPixels, deadlineMs } = { ...DEFAULT_SETTINGS, ...settings };
const routes = { ...DEFAULT_SETTINGS, maxPixelsAtOnce, maxOutputPixels, deadlineMs };
const app = createApp({ runner, ...protection, settings: routes });
const limits = { ...CONNECTION_LIMITS, ...settings.connections };
const server = await listen(app, { host, port: 0, limits });

process.on("message", (order: StressOrder) => {
  if (order.kind === "slow") {
    ({ stepMs } = order);
    return;
  }
  void report().then((made) => {
    tell({ kind: "report", report: made });
  });
});
// Its parent has gone.
process.on("disconnect", () => process.exit());
tell({ kind: "ready", url: server.url });

function tell(message: StressMessage): void {
  process.send?.(message);
}

async function report(): Promise<StressReport> {
  const calls = machine.calls.splice(0).map(({ prompts, seeds }) => ({ prompts, seeds }));
  const lines = errors;
  errors = [];
  // Finalizers of one collection free what the next can collect.
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await wait(10);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  const { waitingJobs, runningJobs } = await runner.status();
  return {
    rssBytes: rss,
    heldBytes: heapUsed + external,
    waitingJobs,
    runningJobs,
    mostWaitingJobs,
    calls,
    errors: lines,
  };
}
