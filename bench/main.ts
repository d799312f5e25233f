/**
 * Compares this library with other WebGPU runtimes, with PyTorch and with older commits of itself: `npm run bench`. README.md
 * describes the groups.
 */
import { chooseDriver } from "./lib/adapters.js";
import { HELP, readOptions, type Options } from "./lib/options.js";

const GROUPS: Readonly<Record<string, (options: Options) => Promise<void>>> = {
  ops: async (options) => (await import("./groups/ops.js")).runOps(options),
  steps: async (options) => (await import("./groups/steps.js")).runSteps(options),
  start: async (options) => (await import("./groups/start.js")).runStart(options),
  scaling: async (options) => (await import("./groups/scaling.js")).runScaling(options),
  runtimes: async (options) => (await import("./groups/runtimes.js")).runRuntimes(options),
  drivers: async (options) => (await import("./groups/drivers.js")).runDrivers(options),
  worker: async (options) => (await import("./groups/worker.js")).runWorker(options),
  server: async (options) => (await import("./groups/server.js")).runServer(options),
  machine: async (options) => (await import("./groups/machine.js")).runMachine(options),
  report: async (options) => (await import("./report/report.js")).runReport(options),
};

const options = readOptions(process.argv.slice(2));
const run = GROUPS[options.group];
let isFailed = false;
try {
  if (options.adapter !== undefined) chooseDriver(options.adapter);
  if (run) await run(options);
  else console.log(HELP);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  isFailed = true;
}
// Devices of other runtimes keep the process alive.
process.exit(isFailed ? 1 : run || options.group === "help" ? 0 : 2);
