// Options that say where the queue between servers and workers is.
import process from "node:process";
import type { Command } from "commander";
import type { QueueAddress } from "../../server/queue/connection.js";
import { QUEUE_PREFIX } from "../../server/queue/names.js";
import { openStore } from "../../server/results/open-store.js";
import type { FileStore } from "../../server/results/types.js";
import { nonEmptyText } from "../option-values.js";
import { say } from "../output.js";

/** The values of these options. */
export interface QueueFlags {
  /** Always given for `dalle2 worker` and `dalle2 queue`. */
  readonly queue?: string;
  readonly queuePrefix: string;
  readonly queueFiles?: string;
}

const QUEUE =
  "Redis or Valkey of the queue: redis://HOST:PORT, or rediss:// for TLS; its password is in DALLE2_QUEUE_PASSWORD or in the URL";

/** Adds the options to a command. `isRequired`: `--queue` must be given. */
export function addQueueOptions(command: Command, isRequired: boolean): Command {
  if (isRequired) command.requiredOption("--queue <url>", QUEUE, nonEmptyText);
  else command.option("--queue <url>", `run jobs on workers, which take them from a queue. ${QUEUE}`, nonEmptyText);
  return command
    .option("--queue-prefix <name>", "what all keys in Redis begin with", nonEmptyText, QUEUE_PREFIX)
    .option(
      "--queue-files <place>",
      "where images of jobs lie: a folder that servers and workers share, or s3://BUCKET/PREFIX (default: in Redis)",
      nonEmptyText,
    );
}

/** Where the queue is. */
export function queueAddress({ queue, queuePrefix }: QueueFlags): QueueAddress {
  const password = process.env.DALLE2_QUEUE_PASSWORD;
  return { url: queue ?? "", prefix: queuePrefix, onWarning: say, ...(password ? { password } : {}) };
}

/** The store of the images of jobs; undefined if they go through Redis. Rejects as `openStore`. */
export async function queueStore({ queueFiles }: QueueFlags): Promise<FileStore | undefined> {
  if (queueFiles === undefined) return undefined;
  return await openStore({ location: queueFiles, maxBytes: Infinity, maxFiles: Infinity });
}
