// `npm run stress`: the long forms of the tests beside this file.
import process from "node:process";
import { parseArgs } from "node:util";
import { runLoad, type LoadResult } from "./load.js";

const HELP = `npm run stress -- load [options]

load: many clients at once send requests to a server in a process of its own, whose model is fake

  --requests N   default 10000
  --clients N    clients at once, most of them of one key (default 50)`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    requests: { type: "string", default: "10000" },
    clients: { type: "string", default: "50" },
  },
});

const [name] = positionals;
if (name === "load") await load();
else {
  console.log(HELP);
  process.exitCode = 2;
}

async function load(): Promise<void> {
  const small = Math.max(1, Math.floor(Number(values.clients) / 10));
  const clients = { greedy: Number(values.clients) - 4 * small, a: small, b: small, c: small, d: small };
  const maxWaitingJobs = Math.ceil(Number(values.clients) * 0.8);
  const result = await runLoad({ requests: Number(values.requests), clients, maxWaitingJobs, maxBatchSize: 8 });
  print(result);
  if (result.lost.length + result.repeated.length + result.mute > 0) process.exitCode = 1;
}

function print({ lost, refusals, mute, repeated, computed, shares, reports, seconds }: LoadResult): void {
  const [first, last] = reports;
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const pairs = (map: ReadonlyMap<unknown, unknown>) => [...map].map((pair) => pair.join(": ")).join(", ");
  console.log(
    `lost: ${lost.length}${lost
      .slice(0, 10)
      .map((one) => `\n  ${one}`)
      .join("")}`,
  );
  console.log(`computed: ${computed.size}; more than once: ${repeated.length}`);
  console.log(`refused, by status: ${pairs(refusals)}; without a time to come back: ${mute}`);
  console.log(`images by key while all had some to ask for: ${pairs(shares)}`);
  console.log(`most jobs that waited: ${last.mostWaitingJobs}; at the end: ${last.waitingJobs + last.runningJobs}`);
  console.log(`held after a fifth: ${mib(first.heldBytes)}, at the end: ${mib(last.heldBytes)}`);
  console.log(`resident after a fifth: ${mib(first.rssBytes)}, at the end: ${mib(last.rssBytes)}`);
  console.log(`${seconds.toFixed(1)} s`);
}
