import { join } from "node:path";
import type { Command } from "commander";
import { counted } from "../platform/counted.js";
import { formatBytes } from "../platform/format-bytes.js";
import { writeFileAtomic } from "../platform/node.js";
import { makeFolder } from "../platform/node-folder.js";
import type { QueueConnection } from "../server/queue/connection.js";
import type { QueueCounts, ShownJob } from "../server/queue/dead-letters.js";
import type { Announcement, WorkerAnnouncement } from "../server/queue/registry.js";
import { UsageError } from "./errors.js";
import { nonEmptyText } from "./option-values.js";
import { print, printJson, say } from "./output.js";
import { addQueueOptions, queueAddress, queueStore, type QueueFlags } from "./serving/queue-options.js";

interface Flags extends QueueFlags {
  readonly json?: true;
}

interface ManyFlags extends Flags {
  readonly all?: true;
}

interface ShowFlags extends Flags {
  readonly output?: string;
}

/** What `dalle2 queue list --json` prints. */
export interface QueueReport {
  readonly queues: readonly QueueCounts[];
  /** Jobs whose attempts all failed. */
  readonly deadLetters: readonly ShownJob[];
}

/** What `dalle2 queue workers --json` prints. */
export interface MembersReport {
  readonly workers: readonly WorkerAnnouncement[];
  readonly servers: readonly Announcement[];
}

const EXAMPLES = `
Examples:
  $ dalle2 queue list --queue redis://10.0.0.5:6379      # how much waits, and the jobs that were set aside
  $ dalle2 queue show JOB --queue redis://10.0.0.5:6379
  $ dalle2 queue retry JOB --queue redis://10.0.0.5:6379 # or --all
  $ dalle2 queue workers --queue redis://10.0.0.5:6379   # with models, adapter and memory

A job whose attempts all failed is set aside with the reason: the list of dead letters. It is kept for 7 days.`;

export function register(program: Command): void {
  const queue = program
    .command("queue")
    .description("look at the queue between dalle2 serve and its workers; send failed jobs again")
    .addHelpText("after", EXAMPLES);
  const shared = (name: string, description: string): Command =>
    addQueueOptions(queue.command(name).description(description), true).option("--json", "print JSON");
  shared("list", "list the queues of all models, and the jobs that were set aside").action(list);
  shared("workers", "list the workers and servers that are there, of all versions").action(workers);
  shared("show", "print a job")
    .argument("<job>", "its id, as `list` prints it")
    .option("-o, --output <dir>", "write its images to this folder, if it is done", nonEmptyText)
    .action(show);
  shared("retry", "send jobs that were set aside again")
    .argument("[jobs...]", "their ids")
    .option("--all", "all of them")
    .action(retry);
  shared("remove", "remove jobs that were set aside")
    .argument("[jobs...]", "their ids")
    .option("--all", "all of them")
    .action(remove);
}

async function connected<Result>(flags: Flags, use: (connection: QueueConnection) => Promise<Result>): Promise<Result> {
  const { QueueConnection } = await import("../server/queue/connection.js");
  const connection = await QueueConnection.open(queueAddress(flags));
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

async function list(flags: Flags): Promise<void> {
  const { deadLetters, listQueues } = await import("../server/queue/dead-letters.js");
  const report = await connected(flags, async (connection): Promise<QueueReport> => ({
    queues: await listQueues(connection),
    deadLetters: await deadLetters(connection),
  }));
  if (flags.json) {
    printJson(report);
    return;
  }
  const queues = report.queues.map(
    ({ model, version, waiting, active, failed }) =>
      `${model} (version ${version}): ${waiting} waiting, ${active} running, ${failed} set aside`,
  );
  print([...(queues.length === 0 ? ["no queues"] : queues), ...report.deadLetters.flatMap(describeJob)].join("\n"));
}

async function workers(flags: Flags): Promise<void> {
  const { listServers, listWorkers } = await import("../server/queue/registry.js");
  const report = await connected(flags, async ({ redis, names }): Promise<MembersReport> => ({
    workers: await listWorkers(redis, names),
    servers: await listServers(redis, names),
  }));
  if (flags.json) {
    printJson(report);
    return;
  }
  const servers = report.servers.map(
    ({ id, host, pid, version }) => `server ${id}: ${host}, process ${pid}, version ${version}`,
  );
  const lines = [...report.workers.flatMap(describeWorker), ...servers];
  print(lines.length === 0 ? "no workers and no servers" : lines.join("\n"));
}

async function show(id: string, flags: ShowFlags): Promise<void> {
  const { finishedImages, showJob } = await import("../server/queue/dead-letters.js");
  const store = await queueStore(flags);
  await connected(flags, async (connection) => {
    const images = await finishedImages(connection, id, store);
    if (images && flags.output !== undefined) await writeImages(flags.output, id, images);
    const job = images ? { id, state: "done", images: images.length } : await showJob(connection, id);
    if (flags.json) printJson(job);
    else print("model" in job ? describeJob(job).join("\n") : `${id}: done, ${counted(job.images, "image")}`);
  });
}

async function writeImages(folder: string, id: string, images: readonly Uint8Array[]): Promise<void> {
  await makeFolder(folder);
  for (const [i, png] of images.entries()) {
    const file = join(folder, `${encodeURIComponent(id)}-${i + 1}.png`);
    await writeFileAtomic(file, png);
    say(file);
  }
}

async function retry(ids: readonly string[], flags: ManyFlags): Promise<void> {
  const { retryDeadLetter } = await import("../server/queue/dead-letters.js");
  await eachDeadLetter(ids, flags, "sent again", (connection, id) => retryDeadLetter(connection, id));
}

async function remove(ids: readonly string[], flags: ManyFlags): Promise<void> {
  const { removeDeadLetter } = await import("../server/queue/dead-letters.js");
  const store = await queueStore(flags);
  await eachDeadLetter(ids, flags, "removed", (connection, id) => removeDeadLetter(connection, id, store));
}

async function eachDeadLetter(
  ids: readonly string[],
  flags: ManyFlags,
  done: string,
  call: (connection: QueueConnection, id: string) => Promise<void>,
): Promise<void> {
  if (ids.length === 0 && !flags.all) throw new UsageError("Name the jobs, or give --all.");
  const { deadLetters } = await import("../server/queue/dead-letters.js");
  const all = await connected(flags, async (connection) => {
    const chosen = flags.all ? (await deadLetters(connection)).map(({ id }) => id) : ids;
    for (const id of chosen) await call(connection, id);
    return chosen;
  });
  if (flags.json) printJson(all);
  else print(all.length === 0 ? "nothing was set aside" : all.map((id) => `${id}: ${done}`).join("\n"));
}

function describeJob(job: ShownJob): readonly string[] {
  const { id, model, state, owner, prompts, images, attempts, losses, reason, createdAt } = job;
  const asked = images === undefined ? [] : [counted(images, "image"), `for ${owner ?? "nobody"}`];
  return [
    `${id}: ${state === "failed" ? "set aside" : state}`,
    `  ${[`model ${model}`, ...asked, `since ${new Date(createdAt).toISOString()}`].join(", ")}`,
    ...(prompts ?? []).map((prompt) => `  ${prompt}`),
    `  ${counted(attempts, "failed attempt")}, ${counted(losses, "lost worker")}`,
    ...(reason === undefined ? [] : [`  ${reason}`]),
  ];
}

function describeWorker(worker: WorkerAnnouncement): readonly string[] {
  const { id, host, pid, version, models, loaded, failing, runningJobs, doneImages, devices, isClosing } = worker;
  const state = (model: string) => (failing.includes(model) ? " (failing)" : loaded.includes(model) ? " (open)" : "");
  const adapters = devices.map(({ adapter, memoryBytes }) => {
    const memory = memoryBytes === undefined ? "" : `, ${formatBytes(memoryBytes)}`;
    return `  ${adapter.description || adapter.device}${memory}`;
  });
  return [
    `worker ${id}: ${host}, process ${pid}, version ${version}${isClosing ? ", closing" : ""}`,
    `  models: ${models.map((model) => `${model}${state(model)}`).join(", ")}`,
    ...adapters,
    `  ${counted(runningJobs, "job")} running, ${counted(doneImages, "image")} done`,
  ];
}
