import process from "node:process";
import { once } from "node:events";
import { InvalidArgumentError, Option, type Command } from "commander";
import { QUEUE_DEFAULTS } from "../server/jobs/fair-queue.js";
import type { JobRunner } from "../server/jobs/job-runner.js";
import type { RunningServer } from "../server/http/listen.js";
import { SettingsError } from "../server/settings-error.js";
import { interruptSignal } from "./interrupt.js";
import { UsageError } from "./errors.js";
import { nonEmptyText, wholeNumber } from "./option-values.js";
import { print, say } from "./output.js";
import type { HostLog } from "./serving/host-log.js";
import { addGuardOptions, connectionLimits, protectionSettings, type GuardFlags } from "./serving/guard-options.js";
import { addServedModelOptions, hostedModels, type ServedModelFlags } from "./serving/model-options.js";
import { addQueueOptions, queueAddress, queueStore, type QueueFlags } from "./serving/queue-options.js";

interface ServeFlags extends GuardFlags, ServedModelFlags, QueueFlags {
  readonly host: string;
  readonly port: number;
  readonly open?: true;
  /** A folder; absent: that of this package; false: no page. */
  readonly page?: string | false;
  readonly publicUrl?: string;
  readonly preload: boolean;
  readonly maxWaitingJobs: number;
  readonly maxWaitingImages: number;
  readonly deadline: number;
  readonly maxOutputPixels: number;
  readonly grace: number;
}

/** Not the port of other programs for images: ComfyUI has 8188, Gradio 7860, InvokeAI 9090. */
const PORT = 8422;

const EXAMPLES = `
Examples:
  $ dalle2 serve --open                                # the included model, for this machine
  $ dalle2 serve --model karlo --model mine=my.json    # two models, opened when they are needed
  $ dalle2 serve --queue redis://127.0.0.1:6379        # the models of its workers: dalle2 worker --queue …
  $ dalle2 keys create alice && dalle2 serve --host 0.0.0.0   # for other machines, with keys

Its API is OpenAI's images API: set the base URL of a client to the printed URL and /v1. The OpenAPI document is at
/openapi.json. SIGTERM and Ctrl-C end it: what runs is finished, what waits is given back.`;

export function register(program: Command): void {
  const command = program
    .command("serve")
    .description("serve the app and OpenAI's images API on models of this machine")
    .addOption(new Option("--host <address>", "address to bind to").argParser(nonEmptyText).default("127.0.0.1"))
    .addOption(new Option("--port <n>", "port; 0: any free one").argParser(portNumber).default(PORT))
    .option("--open", "open the server's page in the browser")
    .option("--page <folder>", "folder of another build of the app (default: the one in this package)")
    .option("--no-page", "serve the API alone, not the app")
    .option("--public-url <url>", "where callers reach the server, for URLs of results", publicUrl);
  addServedModelOptions(command)
    .option("--no-preload", "open the first model when it is needed, not at the start")
    .option("--max-waiting-jobs <n>", "jobs that may wait", wholeNumber, QUEUE_DEFAULTS.maxWaitingJobs)
    .option("--max-waiting-images <n>", "images of the jobs that wait", wholeNumber, QUEUE_DEFAULTS.maxWaitingImages)
    .option("--deadline <seconds>", "time from a request to its images", wholeNumber, 600)
    .option("--max-output-pixels <n>", "pixels of an image whose size a request names", wholeNumber, 2 ** 22)
    .option("--grace <seconds>", "time to finish what runs after SIGTERM", wholeNumber, 30);
  addGuardOptions(addQueueOptions(command, false))
    .addHelpText("after", EXAMPLES)
    .action((flags: ServeFlags) => serve(flags));
}

function portNumber(value: string): number {
  if (/^\d{1,5}$/.test(value) && Number(value) <= 65535) return Number(value);
  throw new InvalidArgumentError("It is not a port, 0 to 65535.");
}

function publicUrl(value: string): string {
  if (/^https?:\/\//.test(value) && URL.canParse(value)) return value.replace(/\/+$/, "");
  throw new InvalidArgumentError("It is not a URL, such as https://images.example.com.");
}

async function serve(flags: ServeFlags): Promise<void> {
  const stop = interruptSignal();
  const { requireServerPackages } = await import("./serving/packages.js");
  await requireServerPackages();
  const { server, runner } = await start(flags);
  print(server.url);
  say(`OpenAI's clients: base URL ${server.url}/v1. To end the server: Ctrl-C.`);
  if (flags.open) {
    const { openBrowser } = await import("./serving/open-browser.js");
    openBrowser(server.url, () => {
      say(`No browser could be opened. Open ${server.url} by hand.`);
    });
  }
  if (!stop.aborted) await once(stop, "abort");
  await end(server, runner, flags.grace * 1000);
}

/** Opens what runs the jobs: workers behind a queue, or the GPU of this process. */
async function openRunner(flags: ServeFlags, hostLog: HostLog): Promise<JobRunner> {
  const { maxWaitingJobs, maxWaitingImages } = flags;
  if (flags.queue !== undefined) {
    if (flags.model) throw new UsageError("With --queue, the models are those of the workers: give --model to them.");
    const { QueueRunner } = await import("../server/queue/queue-runner.js");
    // Half of the room is kept for others.
    const bounds = { maxWaitingJobs, maxWaitingImagesOfOwner: Math.ceil(maxWaitingImages / 2) };
    return await QueueRunner.open(queueAddress(flags), { bounds, store: await queueStore(flags), onWarning: say });
  }
  const { createRunner } = await import("./serving/create-runner.js");
  return await createRunner({
    models: hostedModels(flags),
    maxBatchSize: flags.batchSize,
    memoryLimit: flags.memoryLimit,
    maxWaitingJobs,
    maxWaitingImages,
    preloads: flags.preload,
    onEvent: hostLog.onEvent,
  });
}

async function start(flags: ServeFlags): Promise<{ readonly server: RunningServer; readonly runner: JobRunner }> {
  const { HostLog } = await import("./serving/host-log.js");
  const { openProtection } = await import("../server/protection.js");
  const { createApp } = await import("../server/http/app.js");
  const { pageFiles } = await import("../server/app/page-files.js");
  const { DEFAULT_SETTINGS } = await import("../server/http/parts.js");
  const { host, port, maxOutputPixels } = flags;
  const hostLog = new HostLog();
  const runner = await openRunner(flags, hostLog);
  try {
    const protection = await openProtection(protectionSettings(flags, host), runner);
    hostLog.to(protection.observe.log);
    const deadlineMs = flags.deadline * 1000;
    const settings = { ...DEFAULT_SETTINGS, publicUrl: flags.publicUrl, deadlineMs, maxOutputPixels };
    const app = createApp({ runner, ...protection, settings, page: pageFiles(flags.page) });
    const { listen } = await import("../server/http/listen.js");
    const server = await listen(app, { host, port, limits: connectionLimits(flags) }).catch((cause: unknown) => {
      throw unusable(cause, host, port);
    });
    return { server, runner };
  } catch (error) {
    await runner.close({ graceMs: 0 });
    throw error;
  }
}

/** Why the server cannot listen. */
function unusable(cause: unknown, host: string, port: number): unknown {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "EADDRINUSE") {
    const advice = "choose another with --port, or any free one with --port 0";
    return new SettingsError(`Port ${port} of ${host} is in use.`, { cause, advice });
  }
  if (code === "EACCES" || code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
    const advice = "choose others with --host and --port";
    return new SettingsError(`The server cannot bind to port ${port} of ${host} (${code}).`, { cause, advice });
  }
  return cause;
}

/** Milliseconds of the grace in which answers are sent and the device is closed. */
const LAST_MS = 1000;

/** Takes no more requests, finishes what runs, and ends within the grace. */
async function end(server: RunningServer, runner: JobRunner, graceMs: number): Promise<void> {
  say("Ending: finishing what runs.");
  // Whatever still holds the process then is not waited for.
  setTimeout(() => process.exit(), graceMs).unref();
  const closed = server.close(graceMs - LAST_MS / 2);
  await runner.close({ graceMs: Math.max(graceMs - LAST_MS, 0) });
  await closed;
  setTimeout(() => process.exit(), LAST_MS).unref();
}
