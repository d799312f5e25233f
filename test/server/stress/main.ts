// `npm run stress`: the long forms of the tests beside this file.
import process from "node:process";
import { parseArgs } from "node:util";
import { runFuzz, type FuzzResult } from "./fuzz/run.js";
import { runLoad, type LoadResult } from "./load.js";
import type { StressReport } from "./settings.js";

const HELP = `npm run stress -- load|fuzz [options]

load: many clients at once send requests to a server in a process of its own, whose model is fake

  --requests N   default 10000
  --clients N    clients at once, most of them of one key (default 50)

fuzz: mutated requests, slow and broken clients; a request is a function of seed and number

  --requests N   default 10000
  --seconds N    send no more after that time
  --seed S       default 1
  --only N       one request alone`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    requests: { type: "string", default: "10000" },
    seconds: { type: "string" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    clients: { type: "string", default: "50" },
  },
});

const [name] = positionals;
if (name === "load") await load();
else if (name === "fuzz") await fuzz();
else {
  console.log(HELP);
  process.exitCode = 2;
}

async function load(): Promise<void> {
  const small = Math.max(1, Math.floor(Number(values.clients) / 10));
  const clients = { greedy: Number(values.clients) - 4 * small, a: small, b: small, c: small, d: small };
  const maxWaitingJobs = Math.ceil(Number(values.clients) * 0.8);
  const result = await runLoad({ requests: Number(values.requests), clients, maxWaitingJobs, maxBatchSize: 8 });
  printLoad(result);
  if (result.lost.length + result.repeated.length + result.mute > 0) process.exitCode = 1;
}

async function fuzz(): Promise<void> {
  const { requests, seed, seconds, only } = values;
  const result = await runFuzz({
    requests: Number(requests),
    seed: Number(seed),
    seconds: Number(seconds ?? Infinity),
    only: only === undefined ? undefined : Number(only),
  });
  printFuzz(result);
  if (result.findings.length > 0) process.exitCode = 1;
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

function pairs(map: ReadonlyMap<unknown, unknown>): string {
  return [...map].map((pair) => pair.join(": ")).join(", ");
}

function printLoad({ lost, refusals, mute, repeated, computed, shares, reports, seconds }: LoadResult): void {
  console.log(
    `lost: ${lost.length}${lost
      .slice(0, 10)
      .map((one) => `\n  ${one}`)
      .join("")}`,
  );
  console.log(`computed: ${computed.size}; more than once: ${repeated.length}`);
  console.log(`refused, by status: ${pairs(refusals)}; without a time to come back: ${mute}`);
  console.log(`images by key while all had some to ask for: ${pairs(shares)}`);
  printReports(reports, seconds);
}

function printFuzz({ sent, outcomes, manners, findings, reports, seconds }: FuzzResult): void {
  for (const finding of findings) console.log(`${finding}\n`);
  const sorted = new Map([...outcomes].sort(([, a], [, b]) => b - a));
  console.log(`${sent} requests: ${pairs(sorted)}`);
  console.log(`sent: ${pairs(manners)}`);
  console.log(`findings: ${findings.length}`);
  printReports(reports, seconds);
}

function printReports(reports: readonly StressReport[], seconds: number): void {
  const last = reports.at(-1)!;
  console.log(`most jobs that waited: ${last.mostWaitingJobs}; at the end: ${last.waitingJobs + last.runningJobs}`);
  console.log(`held meanwhile: ${reports.map(({ heldBytes }) => mib(heldBytes)).join(", ")}`);
  console.log(`resident meanwhile: ${reports.map(({ rssBytes }) => mib(rssBytes)).join(", ")}`);
  console.log(`${seconds.toFixed(1)} s`);
}
