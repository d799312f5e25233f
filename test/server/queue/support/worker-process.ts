// A worker whose GPU is a SlowRunner. Prints a line for each job that begins, and ends on SIGTERM.
import type { QueueAddress } from "../../../../src/server/queue/connection.js";
import { QueueWorker, type QueueWorkerSettings } from "../../../../src/server/queue/queue-worker.js";
import { SlowRunner, type SlowBehaviour } from "./slow-runner.js";

/** The argument of the process, as JSON. */
export interface WorkerArguments {
  readonly address: QueueAddress;
  readonly behaviour: SlowBehaviour;
  readonly settings: QueueWorkerSettings;
}

const { address, behaviour, settings } = JSON.parse(process.argv[2]!) as WorkerArguments;
const runner = new SlowRunner(behaviour, ({ id }) => process.stdout.write(`start ${id}\n`));
const worker = await QueueWorker.start(address, runner, {
  ...settings,
  onWarning: (message) => process.stderr.write(`${message}\n`),
});
process.once("SIGTERM", () => {
  void worker.close({ graceMs: 5000 }).then(() => process.exit(0));
});
process.stdout.write("ready\n");
