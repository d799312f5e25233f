/**
 * Compares this library with other WebGPU runtimes, with PyTorch and with older commits of itself: `npm run bench`. README.md
 * describes the groups.
 */
import { chooseDriver } from "./lib/adapters.js";
import { HELP, readOptions, type Options } from "./lib/options.js";

const GROUPS: Readonly<Record<string, (options: Options) => Promise<void>>> = {
  ops: async (options) => (await import("./groups/ops.js")).runOps(options),
  steps: async (options) => (await import("./groups/steps.js")).runSteps(options),
};

const options = readOptions(process.argv.slice(2));
const run = GROUPS[options.group];
if (options.adapter !== undefined) chooseDriver(options.adapter);
if (run) await run(options);
else console.log(HELP);
// Devices of other runtimes keep the process alive.
process.exit(run || options.group === "help" ? 0 : 2);
