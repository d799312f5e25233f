import { Dalle2Error } from "../platform/dalle2-error.js";
import { isRecord } from "../platform/objects.js";
import { Exports } from "./exports.js";
import { notCloneable, splitArguments, type SplitArguments } from "./outgoing.js";
import { ANSWERS, PROTOCOL, type FromWorker, type ReadyMessage, type Slot, type ToWorker } from "./protocol.js";
import { afterRunning } from "./running-time.js";
import { receivedError } from "./sent-error.js";
import { WorkerError } from "./worker-error.js";
import type { WorkerEvent, WorkerLike } from "./worker-like.js";

/** What a connection needs of its client. */
export interface ConnectionOptions {
  /** Milliseconds to wait for the first message of the worker. */
  readonly startTimeout: number;
  /** The worker is gone. */
  onEnd(error: Dalle2Error): void;
  /** The device of a handle was lost. */
  onLost(handle: number): void;
  /** The worker downloads something. */
  onPersist(): void;
}

interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Options of a call. */
export interface SentCallOptions {
  /** Gets what removes the functions and signals of the call, if the worker uses them after the call too. */
  readonly keep?: (release: () => void) => void;
}

/** One life of a worker: from its start to its end. */
export class Connection {
  readonly #worker: WorkerLike;
  readonly #pending = new Map<number, PendingCall>();
  readonly #exports = new Exports({
    onAbort: (signal) => {
      this.#post({ kind: "abort", signal });
    },
  });
  /** Ends the wait for the first message of the worker: no event tells that a script runs which never answers. */
  readonly #stopWaiting: () => void;
  /** Ends the wait for the end of the worker. */
  readonly #watch = new AbortController();
  #nextId = 1;
  #isReady = false;
  #end: Dalle2Error | undefined;

  /** Throws `WorkerError` if the worker cannot be started. */
  constructor(
    start: () => WorkerLike,
    private readonly options: ConnectionOptions,
  ) {
    try {
      this.#worker = start();
    } catch (cause) {
      throw cause instanceof Dalle2Error ? cause : notStarted(reasonOf(cause), cause);
    }
    const listen = (type: string, listener: (event: WorkerEvent) => void) => {
      this.#worker.addEventListener(type, listener);
    };
    listen("message", ({ data }) => {
      if (isAnswer(data)) this.#receive(data);
    });
    listen("error", (event) => {
      this.end(this.#isReady ? crashed(describeEvent(event), event.error) : notStarted(describeEvent(event)));
    });
    listen("messageerror", () => {
      this.end(crashed("one of its messages could not be read"));
    });
    const { startTimeout } = options;
    this.#stopWaiting = afterRunning(startTimeout, () => {
      this.end(silent(startTimeout));
    });
  }

  /** Why it ended; undefined while it lasts. */
  get ended(): Dalle2Error | undefined {
    return this.#end;
  }

  /**
   * Calls a method of the worker. Functions and signals in the options of the call work until it is done. Rejects as the method
   * does, with what a function of the options threw, and with `WorkerError` if the worker ends.
   */
  async call(method: string, args: readonly unknown[], { keep }: SentCallOptions = {}): Promise<unknown> {
    if (this.#end) throw this.#end;
    const failures: unknown[] = [];
    const stop = new AbortController();
    const split = splitArguments(args, () => this.#nextId++, stop.signal);
    for (const { value } of split.signals) value.throwIfAborted();
    const release = this.#exports.add(split, (error) => {
      if (this.#pending.has(id)) stop.abort(error);
      else reportLater(error);
      failures.push(error);
    });
    const id = this.#nextId++;
    try {
      const value = await this.#send(id, method, split);
      if (failures.length > 0) throw failures[0];
      keep?.(release);
      if (!keep) release();
      return value;
    } catch (error) {
      release();
      throw failures.length > 0 ? failures[0] : error;
    }
  }

  #send(id: number, method: string, { args, callbacks, signals }: SplitArguments): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const slots = (options: readonly { readonly slot: Slot }[]) => options.map(({ slot }) => slot);
      this.#pending.set(id, { resolve, reject });
      try {
        this.#post({ kind: "call", id, method, args, callbacks: slots(callbacks), signals: slots(signals) });
      } catch (cause) {
        this.#pending.delete(id);
        reject(notCloneable(method, cause));
      }
    });
  }

  #post(message: ToWorker): void {
    if (!this.#end) this.#worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    if (this.#end) return;
    this.#stopWaiting();
    switch (message.kind) {
      case "ready":
        this.#ready(message);
        break;
      case "result":
        this.#settle(message.id)?.resolve(message.value);
        break;
      case "error":
        this.#settle(message.id)?.reject(receivedError(message.error, (signal) => this.#exports.reasonOf(signal)));
        break;
      case "callback":
        void this.#exports.call(message.callback, message.args).then(() => {
          this.#post({ kind: "returned", id: message.id });
        });
        break;
      case "lost":
        this.options.onLost(message.handle);
        break;
      case "persist":
        this.options.onPersist();
    }
  }

  #settle(id: number): PendingCall | undefined {
    const call = this.#pending.get(id);
    this.#pending.delete(id);
    return call;
  }

  #ready({ protocol, lock }: ReadyMessage): void {
    if (protocol !== PROTOCOL) {
      const advice = "use the worker of the same version of the package as the page";
      this.end(notStarted("it is of another version of the package", undefined, advice));
      return;
    }
    this.#isReady = true;
    if (lock !== undefined) void this.#waitForEnd(lock);
  }

  /** No event tells that a worker was terminated or ran out of memory, but its lock is then free. */
  async #waitForEnd(lock: string): Promise<void> {
    const { signal } = this.#watch;
    await navigator.locks
      .request(lock, { signal }, () => {
        this.end(crashed("it was terminated, or ran out of memory"));
      })
      .catch(() => undefined);
  }

  /** Ends the worker, and rejects the calls that are pending. */
  end(error: Dalle2Error): void {
    if (this.#end) return;
    this.#end = error;
    this.#stopWaiting();
    this.#watch.abort();
    this.#worker.terminate();
    this.options.onEnd(error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

/** A script of one's own may send messages of its own, too. */
function isAnswer(data: unknown): data is FromWorker {
  return isRecord(data) && typeof data.kind === "string" && Object.hasOwn(ANSWERS, data.kind);
}

/** What a function of a handle throws between calls belongs to none: it is reported as an error that nothing caught. */
function reportLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

function describeEvent({ message, filename, lineno }: WorkerEvent): string {
  if (message === undefined || message === "") return "";
  return filename ? `${message} (${filename}${lineno === undefined ? "" : `:${lineno}`})` : message;
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function crashed(reason: string, cause?: unknown): WorkerError {
  return new WorkerError(`The worker crashed: ${reason || "no further information"}.`, {
    code: "worker/crashed",
    cause,
  });
}

function notStarted(reason: string, cause?: unknown, advice?: string): WorkerError {
  const why = reason || "its script could not be loaded";
  return new WorkerError(`The worker could not be started: ${why}.`, { code: "worker/not-started", cause, advice });
}

function silent(milliseconds: number): WorkerError {
  const advice =
    "check that its script loads, with all that it imports, and calls serveWorker; if that may take longer, pass startTimeout";
  return notStarted(`it has not answered for ${milliseconds / 1000} s`, undefined, advice);
}
