import type { QueueConnection } from "./connection.js";

/** A worker's claim of a model that it is about to open: only one worker at a time opens a model. */
export class ModelClaim {
  #model: string | undefined;

  /** The claim ends after `lockMs` unless it is renewed. */
  constructor(
    private readonly connection: QueueConnection,
    private readonly worker: string,
    private readonly lockMs: number,
  ) {}

  /** The model that is claimed; undefined if none is. */
  get model(): string | undefined {
    return this.#model;
  }

  /** Claims a model. Returns false if another worker has claimed it. */
  async take(model: string): Promise<boolean> {
    const { redis, names } = this.connection;
    if ((await redis.set(names.loading(model), this.worker, "PX", this.lockMs, "NX")) === null) return false;
    this.#model = model;
    return true;
  }

  async renew(): Promise<void> {
    const { redis, names } = this.connection;
    if (this.#model !== undefined) await redis.pexpire(names.loading(this.#model), this.lockMs);
  }

  /** Lets other workers open the model, if one is claimed. If Redis cannot be told, the claim ends by itself. */
  async release(): Promise<void> {
    const model = this.#model;
    if (model === undefined) return;
    this.#model = undefined;
    const { redis, names } = this.connection;
    if ((await redis.get(names.loading(model))) === this.worker) await redis.del(names.loading(model));
  }
}
