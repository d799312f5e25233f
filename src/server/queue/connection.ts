import type { Queue } from "bullmq";
import type { Redis, RedisOptions } from "ioredis";
import { publicUrl, registerSecret } from "../../platform/secrets.js";
import { Channels } from "./channels.js";
import { loadQueueLibraries, type QueueLibraries } from "./libraries.js";
import { QueueNames } from "./names.js";
import { QueueError } from "./queue-error.js";

/** Where a queue is. */
export interface QueueAddress {
  /** `redis://host:port/database`, or `rediss://` for TLS (certificates: NODE_EXTRA_CA_CERTS). May have user and password. */
  readonly url: string;
  /** Password. Default: that of the URL. */
  readonly password?: string | undefined;
  /** Prefix of all keys. Default: `QUEUE_PREFIX`. */
  readonly prefix?: string | undefined;
  /** Only servers and workers with the same version work together. Default: `QUEUE_VERSION`. */
  readonly version?: string | undefined;
  /** Called when the connection is lost and when it is back. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** How long to wait for the first connection. Default: 10 s. */
  readonly patienceMs?: number | undefined;
}

const PATIENCE_MS = 10_000;
/** Longest pause between two attempts to connect again. */
const MAX_PAUSE_MS = 2000;

/** A machine that is gone without a word is noticed by probes after this time of silence. */
const KEEP_ALIVE_MS = 10_000;

/** An open connection to the Redis of a queue. Commands wait while it is interrupted. */
export class QueueConnection {
  readonly names: QueueNames;
  readonly #queues = new Map<string, Queue>();
  #isClosed = false;

  private constructor(
    readonly libraries: QueueLibraries,
    readonly redis: Redis,
    readonly channels: Channels,
    /** The URL without secrets. */
    readonly shownUrl: string,
    private readonly stopReporting: () => void,
    { prefix, version }: QueueAddress,
  ) {
    this.names = new QueueNames(prefix, version);
  }

  /** Connects. Rejects with `QueueError` if the packages are missing, or if Redis cannot be reached in time. */
  static async open(address: QueueAddress): Promise<QueueConnection> {
    const libraries = await loadQueueLibraries();
    const url = checkedUrl(address.url);
    const shownUrl = publicUrl(url);
    const password = address.password === undefined ? {} : { password: address.password };
    const options: RedisOptions = {
      ...password,
      maxRetriesPerRequest: null,
      keepAlive: KEEP_ALIVE_MS,
      retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), MAX_PAUSE_MS),
    };
    if (address.password !== undefined) registerSecret(address.password);
    const redis = new libraries.Redis(url, options);
    const patience = address.patienceMs ?? PATIENCE_MS;
    try {
      await ready(redis, patience, shownUrl);
    } catch (error) {
      redis.disconnect();
      throw error;
    }
    const stopReporting = reportOutages(redis, shownUrl, address.onWarning);
    // The check that Redis has read its files is a command, which a connection with subscriptions does not take.
    const subscriber = redis.duplicate({ enableReadyCheck: false });
    // The main connection reports outages.
    subscriber.on("error", () => undefined);
    await warnOfEviction(redis, address.onWarning);
    return new QueueConnection(libraries, redis, new Channels(subscriber), shownUrl, stopReporting, address);
  }

  /** Whether commands are answered now. */
  get isReady(): boolean {
    return this.redis.status === "ready";
  }

  /** BullMQ's queue of a model. */
  queue(model: string): Queue {
    const known = this.#queues.get(model);
    if (known) return known;
    const queue = this.openQueue(this.names.queue(model));
    this.#queues.set(model, queue);
    void this.redis.sadd(this.names.queues, queue.name).catch(() => undefined);
    return queue;
  }

  /** A queue by its name, of any version. */
  openQueue(name: string): Queue {
    const { redis: connection, names } = this;
    const queue = new this.libraries.bullmq.Queue(name, {
      connection,
      prefix: names.prefix,
      streams: { events: { maxLen: 100 } },
      skipVersionCheck: true,
    });
    // The main connection reports outages.
    queue.on("error", () => undefined);
    return queue;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.allSettled([...this.#queues.values()].map((queue) => queue.close()));
    this.channels.close();
    this.stopReporting();
    // Not quit(): without a connection it would wait for one.
    this.redis.disconnect();
  }
}

/** The URL as the client takes it. Throws `QueueError` for other protocols. */
function checkedUrl(url: string): string {
  const redis = url.replace(/^valkey(s?):/i, "redis$1:");
  const parsed = URL.canParse(redis) ? new URL(redis) : undefined;
  if (!parsed || !/^rediss?:$/.test(parsed.protocol)) {
    throw new QueueError(`${publicUrl(url)} is not the URL of a queue.`, {
      code: "queue/url",
      advice: "Use redis://host:port, or rediss://host:port for TLS",
    });
  }
  if (parsed.password !== "") registerSecret(decodeURIComponent(parsed.password));
  return redis;
}

async function ready(redis: Redis, patienceMs: number, shownUrl: string): Promise<void> {
  let last: Error | undefined;
  await new Promise<void>((resolve, reject) => {
    const fail = () => {
      reject(new QueueError(`The queue ${shownUrl} cannot be reached: ${problemOf(last)}.`, { cause: last }));
    };
    const timer = setTimeout(fail, patienceMs);
    const onError = (error: Error) => {
      last = error;
      if (!/WRONGPASS|NOAUTH|NOPERM/.test(error.message)) return;
      clearTimeout(timer);
      fail();
    };
    redis.on("error", onError);
    redis.once("ready", () => {
      clearTimeout(timer);
      redis.off("error", onError);
      resolve();
    });
  });
}

function problemOf(error: Error | undefined): string {
  if (!error) return "no answer";
  // For a name with several addresses, the message of the whole is empty.
  const { code } = error as { readonly code?: unknown };
  return error.message === "" && typeof code === "string" ? code : error.message;
}

/** Says once that the connection is lost, and once that it is back, until what it returns is called. */
function reportOutages(redis: Redis, shownUrl: string, onWarning: QueueAddress["onWarning"]): () => void {
  let isLost = false;
  let isOver = false;
  const lost = (reason: string) => {
    if (isLost || isOver) return;
    isLost = true;
    onWarning?.(`The connection to the queue ${shownUrl} is lost: ${reason}. Trying again.`);
  };
  redis.on("error", (error: Error) => {
    lost(problemOf(error));
  });
  redis.on("close", () => {
    lost("it was closed");
  });
  redis.on("ready", () => {
    if (isLost) onWarning?.(`The connection to the queue ${shownUrl} is back.`);
    isLost = false;
  });
  return () => {
    isOver = true;
  };
}

/** A Redis that drops keys when its memory is full loses jobs. */
async function warnOfEviction(redis: Redis, onWarning: QueueAddress["onWarning"]): Promise<void> {
  const memory = await redis.info("memory").catch(() => "");
  const policy = /maxmemory_policy:(\S+)/.exec(memory)?.[1];
  if (policy === undefined || policy === "noeviction") return;
  onWarning?.(`Redis has maxmemory-policy ${policy}, which loses jobs when its memory is full; set it to noeviction.`);
}
