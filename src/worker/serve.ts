import { persistByPage } from "../files/persistence.js";
import { BasicInference } from "../pipeline/scripts/basic-inference.js";
import { BasicInpainting } from "../pipeline/scripts/basic-inpainting.js";
import { Embed } from "../pipeline/scripts/embed.js";
import { ImageVariation } from "../pipeline/scripts/image-variation.js";
import { Interpolate } from "../pipeline/scripts/interpolate.js";
import { TextGuidedEdit } from "../pipeline/scripts/text-guided-edit.js";
import { Upscale } from "../pipeline/scripts/upscale.js";
import { Incoming } from "./host/incoming.js";
import { workerMethods } from "./host/methods.js";
import { OpenedObjects } from "./host/opened.js";
import { buffersOf, buffersOfArguments, copyPixels } from "./host/pixels.js";
import { PROTOCOL, type CallMessage, type FromWorker, type ToWorker } from "./protocol.js";
import type { LibraryScripts, ScriptClasses } from "./scripts.js";
import { sentError } from "./sent-error.js";

/** The side of the worker of its channel to the page. */
export interface WorkerPort {
  /** Sends a message, and buffers without a copy. */
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  /** Calls a function for each message. */
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
}

/** Options of `serveWorker`. */
export interface ServeOptions {
  /** Scripts of your own by name, beside those of the library. */
  readonly scripts?: ScriptClasses | undefined;
  /**
   * Where messages come from. Default: the global scope of the worker.
   *
   * @internal
   */
  readonly port?: WorkerPort;
}

const SCRIPTS: LibraryScripts = {
  BasicInference,
  BasicInpainting,
  Embed,
  ImageVariation,
  Interpolate,
  TextGuidedEdit,
  Upscale,
};

/**
 * Answers the calls of a `WorkerClient`. It is all that the worker of the package does; call it in a worker of your own that has
 * scripts of your own.
 *
 * @example
 * serveWorker({ scripts: { ExampleInference } });
 */
export function serveWorker(options: ServeOptions = {}): void {
  const { scripts = {}, port = globalThis as unknown as WorkerPort } = options;
  const send = (message: FromWorker, transfer: ArrayBuffer[] = []): void => {
    port.postMessage(message, transfer);
  };
  const incoming = new Incoming(({ args, ...message }) => {
    const copied = copyPixels(args);
    send({ ...message, args: copied }, buffersOfArguments(copied));
  });
  const objects = new OpenedObjects((handle) => {
    send({ kind: "lost", handle });
  });
  persistByPage(() => {
    send({ kind: "persist" });
  });
  const methods = workerMethods(objects, { ...SCRIPTS, ...scripts });
  const answer = async (call: CallMessage): Promise<void> => {
    const { id, method, signals } = call;
    const release = (): void => {
      incoming.release(signals);
    };
    try {
      const value = await methods[method]?.(...incoming.arguments(call));
      send({ kind: "result", id, value }, buffersOf(value));
      // What is open goes on using the signals that it was opened with.
      if (method.startsWith("open")) objects.whenClosed(call.args[0] as number, release);
      else release();
    } catch (error) {
      send({ kind: "error", id, error: sentError(error, (reason) => incoming.signalOf(reason)) });
      release();
    }
  };
  port.addEventListener("message", ({ data }) => {
    const message = data as ToWorker;
    if (message.kind === "call") void answer(message);
    else if (message.kind === "abort") incoming.abort(message.signal);
    else incoming.returned(message.id);
  });
  void holdLock((lock) => {
    send({ kind: "ready", protocol: PROTOCOL, ...(lock === undefined ? {} : { lock }) });
  });
}

/** Holds a Web Lock for as long as the worker lives, so that the page sees when it ends. Calls `onHeld` with its name. */
async function holdLock(onHeld: (lock?: string) => void): Promise<void> {
  const { locks } = (globalThis as Partial<typeof globalThis>).navigator ?? {};
  const name = `dalle2-webgpu:worker:${Math.random().toString(36).slice(2)}${Date.now()}`;
  try {
    if (!locks) onHeld();
    await locks?.request(name, () => {
      onHeld(name);
      return new Promise<never>(() => undefined);
    });
  } catch {
    // A page without storage has no locks.
    onHeld();
  }
}
