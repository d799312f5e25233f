import { ServerError } from "../server-error.js";
import type { QueueConnection } from "./connection.js";
import { listWorkers, type WorkerAnnouncement } from "./registry.js";

/** Announcements are read again after this time. */
const FRESH_MS = 500;
/** Seconds after which a worker may be back. */
const RETRY_SECONDS = 5;

/** The workers as a server sees them. */
export class KnownWorkers {
  #read: Promise<readonly WorkerAnnouncement[]> | undefined;
  #readAt = -Infinity;
  /** Models that a worker offered at some time. */
  readonly #offered = new Set<string>();
  readonly #otherVersions = new Set<string>();

  constructor(
    private readonly connection: QueueConnection,
    private readonly onWarning: ((message: string) => void) | undefined,
  ) {}

  /** The workers of this version that are there. */
  async list(): Promise<readonly WorkerAnnouncement[]> {
    return (await this.#all()).filter(({ version }) => version === this.connection.names.version);
  }

  /** Says which workers have another version; undefined if there are none. */
  async otherVersions(): Promise<string | undefined> {
    const others = (await this.#all()).filter(({ version }) => version !== this.connection.names.version);
    if (others.length === 0) return undefined;
    const versions = [...new Set(others.map(({ version }) => version))].join(", ");
    return `Workers of another version (${versions}) get no jobs of this server (${this.connection.names.version}): update one or the other.`;
  }

  /** Rejects with `ServerError` unless a worker offers the model. */
  async check(model: string): Promise<void> {
    const workers = await this.list();
    if (workers.some(({ models }) => models.includes(model))) return;
    if (workers.length > 0 && !this.#offered.has(model)) {
      throw new ServerError("unknown-model", `There is no model ${JSON.stringify(model)}.`, { param: "model" });
    }
    throw new ServerError("no-worker", "No worker is there to run this model. Try again later.", {
      retryAfter: RETRY_SECONDS,
    });
  }

  async #all(): Promise<readonly WorkerAnnouncement[]> {
    const now = performance.now();
    if (this.#read && now - this.#readAt < FRESH_MS) return await this.#read;
    this.#readAt = now;
    this.#read = this.#readAll();
    this.#read.catch(() => {
      this.#read = undefined;
    });
    return await this.#read;
  }

  async #readAll(): Promise<readonly WorkerAnnouncement[]> {
    const { redis, names } = this.connection;
    const workers = await listWorkers(redis, names);
    for (const { version, models, id, host } of workers) {
      if (version === names.version) for (const model of models) this.#offered.add(model);
      else if (!this.#otherVersions.has(id)) {
        this.#otherVersions.add(id);
        this.onWarning?.(
          `Worker ${id} on ${host} has version ${version}, this server ${names.version}: it gets no jobs of this server.`,
        );
      }
    }
    return workers;
  }
}
