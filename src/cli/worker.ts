import { once } from "node:events";
import process from "node:process";
import { Option, type Command } from "commander";
import { LOG_LEVELS, type LogLevel } from "../server/observe/log.js";
import { publicUrl } from "../platform/secrets.js";
import { interruptSignal } from "./interrupt.js";
import { wholeNumber } from "./option-values.js";
import { addServedModelOptions, hostedModels, type ServedModelFlags } from "./serving/model-options.js";
import { addQueueOptions, queueAddress, queueStore, type QueueFlags } from "./serving/queue-options.js";

interface WorkerFlags extends ServedModelFlags, QueueFlags {
  readonly lock: number;
  readonly loadAfter: number;
  readonly grace: number;
  readonly logLevel: LogLevel;
}

const EXAMPLES = `
Examples:
  $ dalle2 worker --queue redis://10.0.0.5:6379                 # the included model
  $ dalle2 worker --queue rediss://queue.example.com:6380 --model karlo --model mine=my.json
  $ dalle2 serve --queue redis://10.0.0.5:6379                  # the server that gives it jobs

Servers and workers must have the same version; others are noticed and left alone. SIGTERM and Ctrl-C end it: what runs is
finished, or given back to the queue after the grace. A worker that is killed loses its jobs to others.`;

export function register(program: Command): void {
  const command = program
    .command("worker")
    .description("generate images for dalle2 serve --queue, on the GPU of this machine");
  addQueueOptions(command, true);
  addServedModelOptions(command)
    .option(
      "--lock <seconds>",
      "time after which another worker takes a job of one that does not answer",
      wholeNumber,
      10,
    )
    .option(
      "--load-after <seconds>",
      "time with waiting jobs after which a further worker opens a model",
      wholeNumber,
      10,
    )
    .option("--grace <seconds>", "time to finish what runs after SIGTERM", wholeNumber, 30)
    .addOption(new Option("--log-level <level>", "what is logged").choices(LOG_LEVELS).default("info"))
    .addHelpText("after", EXAMPLES)
    .action((flags: WorkerFlags) => work(flags));
}

async function work(flags: WorkerFlags): Promise<void> {
  const stop = interruptSignal();
  const { openLog } = await import("../server/observe/log.js");
  const { QueueWorker } = await import("../server/queue/queue-worker.js");
  const { createRunner } = await import("./serving/create-runner.js");
  const { HostLog } = await import("./serving/host-log.js");
  const log = await openLog({ level: flags.logLevel });
  const hostLog = new HostLog();
  hostLog.to(log);
  const store = await queueStore(flags);
  const models = hostedModels(flags);
  const { batchSize: maxBatchSize, memoryLimit } = flags;
  const runner = await createRunner({ models, maxBatchSize, memoryLimit, preloads: false, onEvent: hostLog.onEvent });
  const onWarning = (message: string) => {
    log.warn(message);
  };
  try {
    const worker = await QueueWorker.start({ ...queueAddress(flags), onWarning }, runner, {
      store,
      onWarning,
      batchImages: maxBatchSize,
      hold: { lockMs: flags.lock * 1000 },
      loadAfterMs: flags.loadAfter * 1000,
    });
    const names = models.map(({ name }) => name).join(", ");
    log.info("this worker takes jobs", { worker: worker.id, queue: publicUrl(flags.queue ?? ""), models: names });
    if (!stop.aborted) await once(stop, "abort");
    log.info("ending: finishing what runs");
    // Whatever still holds the process then is not waited for.
    setTimeout(() => process.exit(), (flags.grace + LAST_SECONDS) * 1000).unref();
    await worker.close({ graceMs: flags.grace * 1000 });
  } finally {
    await runner.close({ graceMs: 0 });
  }
}

/** Seconds after the grace in which jobs are given back and the device is closed. */
const LAST_SECONDS = 10;
