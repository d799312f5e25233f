import { randomUUID } from "node:crypto";
import type { QueueAddress } from "../../../../src/server/queue/connection.js";
import { QueueRunner, type QueueRunnerSettings } from "../../../../src/server/queue/queue-runner.js";
import { QueueWorker, type QueueWorkerSettings } from "../../../../src/server/queue/queue-worker.js";
import { SlowRunner, type SlowBehaviour } from "./slow-runner.js";

const QUICK: QueueWorkerSettings = { pollMs: 100 };

/** A server and workers in this process, with keys of their own. */
export class Installation implements AsyncDisposable {
  readonly address: QueueAddress;
  readonly #servers: QueueRunner[] = [];
  readonly #workers: QueueWorker[] = [];

  constructor(address: QueueAddress) {
    this.address = { prefix: randomUUID(), ...address };
  }

  async server(settings: QueueRunnerSettings = {}): Promise<QueueRunner> {
    const server = await QueueRunner.open(this.address, { pollMs: 200, ...settings });
    this.#servers.push(server);
    return server;
  }

  async worker(behaviour: Partial<SlowBehaviour> = {}, settings: QueueWorkerSettings = {}) {
    const runner = new SlowRunner({ models: ["shapes"], imageMs: 40, ...behaviour });
    const worker = await QueueWorker.start(this.address, runner, { ...QUICK, ...settings });
    this.#workers.push(worker);
    return { runner, worker };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close({ graceMs: 0 })));
    await Promise.all(this.#workers.map((worker) => worker.close({ graceMs: 0 })));
  }
}
