import { MessageChannel, type Transferable } from "node:worker_threads";
import type { ScriptClasses } from "../../src/worker/scripts.js";
import { serveWorker } from "../../src/worker/serve.js";
import type { WorkerEvent, WorkerLike } from "../../src/worker/worker-like.js";

/** A worker in this thread: what it gets and sends is cloned and transferred as between threads. */
export class FakeWorker implements WorkerLike {
  readonly #channel = new MessageChannel();
  readonly #listeners = new Map<string, (event: WorkerEvent) => void>();
  isTerminated = false;

  constructor(scripts: ScriptClasses = {}) {
    const { port1, port2 } = this.#channel;
    port1.on("message", (data: unknown) => {
      this.emit({ type: "message", data });
    });
    serveWorker({
      scripts,
      port: {
        postMessage: (message, transfer) => {
          port2.postMessage(message, transfer as Transferable[]);
        },
        addEventListener: (_, listener) =>
          port2.on("message", (data: unknown) => {
            listener({ data });
          }),
      },
    });
  }

  postMessage(message: unknown): void {
    this.#channel.port1.postMessage(message);
  }

  addEventListener(type: string, listener: (event: WorkerEvent) => void): void {
    this.#listeners.set(type, listener);
  }

  /** What the browser does: an `error` event, for example. */
  emit(event: WorkerEvent): void {
    this.#listeners.get(event.type)?.(event);
  }

  terminate(): void {
    this.isTerminated = true;
    this.#channel.port1.close();
    this.#channel.port2.close();
  }
}

/** A worker that does nothing but what the test says. */
export class SilentWorker implements WorkerLike {
  readonly sent: unknown[] = [];
  readonly #listeners = new Map<string, (event: WorkerEvent) => void>();

  postMessage(message: unknown): void {
    this.sent.push(message);
  }

  addEventListener(type: string, listener: (event: WorkerEvent) => void): void {
    this.#listeners.set(type, listener);
  }

  emit(event: WorkerEvent): void {
    this.#listeners.get(event.type)?.(event);
  }

  terminate(): void {
    this.#listeners.clear();
  }
}
