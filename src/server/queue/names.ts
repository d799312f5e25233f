import { PACKAGE_VERSION } from "../../platform/package-version.js";

/** Version of what servers and workers send each other. It changes with any change of the messages. */
const PROTOCOL = 1;

/**
 * What a server and a worker must have in common: the form of the messages, and the version of the package, since another one
 * may generate another image from the same seed.
 */
export const QUEUE_VERSION = `${PROTOCOL}-${PACKAGE_VERSION}`;

/** Default of the prefix of all keys. */
export const QUEUE_PREFIX = "dalle2";

/** The names of keys and channels in Redis. All begin with the prefix, so that several installations share a Redis. */
export class QueueNames {
  constructor(
    readonly prefix: string = QUEUE_PREFIX,
    readonly version: string = QUEUE_VERSION,
  ) {}

  /** BullMQ's queue of a model. It has the version in its name: other versions have other queues. */
  queue(model: string): string {
    return `${this.version}~${encodeURIComponent(model)}`;
  }

  /** BullMQ's id of a job. It does not take numbers and colons. */
  job(id: string): string {
    return `job-${encodeURIComponent(id)}`;
  }

  /** Set of all queues that were ever used, of all versions. */
  get queues(): string {
    return `${this.prefix}:queues`;
  }

  /** Set of the ids of servers or workers, of all versions. */
  members(kind: "server" | "worker"): string {
    return `${this.prefix}:${kind}s`;
  }

  /** The announcement of a server or worker. It expires if it is not renewed. */
  member(kind: "server" | "worker", id: string): string {
    return `${this.prefix}:${kind}:${id}`;
  }

  /** Description of a model, by the worker that opened it last. */
  info(model: string): string {
    return `${this.prefix}:info:${this.queue(model)}`;
  }

  /** Says that a worker is opening a model. */
  loading(model: string): string {
    return `${this.prefix}:loading:${this.queue(model)}`;
  }

  /** Hash: how far each owner has come in the virtual time of a queue. */
  owners(model: string): string {
    return `${this.prefix}:owners:${this.queue(model)}`;
  }

  /** How a job ended. */
  outcome(id: string): string {
    return `${this.prefix}:outcome:${this.version}:${id}`;
  }

  /** Exists if a job is no longer wanted. */
  cancelled(id: string): string {
    return `${this.prefix}:cancelled:${this.version}:${id}`;
  }

  blob(name: string): string {
    return `${this.prefix}:blob:${name}`;
  }

  /** Channel of what happens to a job. */
  events(id: string): string {
    return `${this.prefix}:events:${this.version}:${id}`;
  }

  /** Channel of the ids of jobs that are no longer wanted. */
  get cancellations(): string {
    return `${this.prefix}:cancellations:${this.version}`;
  }

  /** Channel that wakes workers: a job waits. */
  get wake(): string {
    return `${this.prefix}:wake:${this.version}`;
  }
}

/** Version and model of a queue, from its name; undefined for other names. */
export function parseQueueName(queue: string): { readonly version: string; readonly model: string } | undefined {
  const at = queue.indexOf("~");
  return at < 0 ? undefined : { version: queue.slice(0, at), model: decodeURIComponent(queue.slice(at + 1)) };
}
