// The models that are open on a device.
import { GpuOutOfMemoryError } from "../../gpu/errors.js";
import type { Offload } from "../../pipeline/manager/offload.js";
import { formatBytes } from "../../platform/format-bytes.js";
import { orAborted } from "../../platform/or-aborted.js";
import { ServerError } from "../server-error.js";
import type { HostDevice, HostedModel, ModelFacts, ModelMemory, OpenModel, OpenOptions } from "./host-device.js";

/** Share of the adapter's memory that models may take, where no limit is given: others use the adapter too. */
const MEMORY_SHARE = 0.8;

/** A model of a host, and what is known of it. */
export interface KnownModel {
  readonly hosted: HostedModel;
  readonly facts: ModelFacts;
}

/** Options of `ModelShelf.use`. */
export type UseOptions = Pick<OpenOptions, "onFraction" | "signal">;

/** What a shelf does by itself. */
export interface ShelfEvents {
  readonly onOpen: (model: string, milliseconds: number) => void;
  readonly onEvict: (model: string) => void;
  readonly onWarning: (model: string, message: string) => void;
}

interface Shelved {
  readonly model: OpenModel;
  readonly offload: Offload;
  readonly memory: ModelMemory;
  /** Calls that use it now. */
  uses: number;
  /** When it was last used, counted in uses. */
  lastUse: number;
}

/**
 * Opens models when they are used, and disposes those that were not used for the longest time if there is no memory for another.
 * A model in use stays.
 */
export class ModelShelf {
  readonly #models = new Map<string, Shelved>();
  /** Models are opened one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #uses = 0;
  /** Called when a use ends. */
  #wake: () => void = () => undefined;
  #isDisposed = false;

  /** `memoryLimit`: bytes that tensors may take. Default: most of the adapter's memory, if that is known. */
  constructor(
    private readonly device: HostDevice,
    private readonly memoryLimit: number | undefined,
    private readonly events: ShelfEvents,
  ) {}

  isOpen(name: string): boolean {
    return this.#models.has(name);
  }

  /** Bytes that models may take; Infinity if it is not known. */
  get #budget(): number {
    const { memoryBytes } = this.device;
    if (this.memoryLimit !== undefined) return Math.min(this.memoryLimit, memoryBytes ?? Infinity);
    return memoryBytes === undefined ? Infinity : memoryBytes * MEMORY_SHARE;
  }

  /**
   * How many images of a model there is memory for beside the weights of the models that are open: 1 to `max`. `memory` is that of
   * images of their size.
   */
  batchSizeOf({ hosted }: Pick<KnownModel, "hosted">, memory: ModelMemory, max: number): number {
    const offload = this.#models.get(hosted.name)?.offload ?? hosted.offload ?? "never";
    const others = [...this.#models].filter(([name]) => name !== hosted.name).map(([, one]) => one);
    const free = this.#budget - sumOf(others, restBytes);
    let images = max;
    while (images > 1 && peakBytes(memory, offload, images) > free) images--;
    return images;
  }

  /**
   * Runs `body` with a model, which is opened for that if it is not open. Rejects with `ServerError` if there is no memory for
   * it, and as `HostDevice.open`.
   */
  async use<T>(model: KnownModel, options: UseOptions, body: (model: OpenModel) => Promise<T>): Promise<T> {
    const { signal } = options;
    const turn = this.#turn;
    const entered = turn.then(() => this.#enter(model, options));
    this.#turn = entered.catch(() => undefined);
    await orAborted(turn, signal);
    const shelved = await entered;
    try {
      return await body(shelved.model);
    } finally {
      shelved.uses--;
      // With offload "idle" its next call begins with another component, so that of the last is of no use.
      if (shelved.uses === 0 && shelved.offload === "idle" && !this.#isDisposed) shelved.model.offloadIdle();
      this.#wake();
    }
  }

  /** Disposes models that are not in use, but `kept`. Returns false if there were none. */
  evictIdle(kept?: string): boolean {
    const idle = [...this.#models].filter(([name, { uses }]) => uses === 0 && name !== kept);
    for (const [name] of idle) this.#evict(name);
    return idle.length > 0;
  }

  /** Disposes all models, also those in use. */
  dispose(): void {
    this.#isDisposed = true;
    for (const { model } of this.#models.values()) model.dispose();
    this.#models.clear();
    this.#wake();
  }

  async #enter(model: KnownModel, options: UseOptions): Promise<Shelved> {
    options.signal?.throwIfAborted();
    const { name } = model.hosted;
    const shelved = this.#models.get(name) ?? (await this.#open(model, options));
    shelved.uses++;
    shelved.lastUse = ++this.#uses;
    return shelved;
  }

  async #open(known: KnownModel, { signal, onFraction }: UseOptions): Promise<Shelved> {
    const { hosted, facts } = known;
    const { memory } = facts;
    const offload = this.#offloadOf(known);
    await this.#makeRoom(peakBytes(memory, offload, 1), signal);
    const onWarning = (message: string): void => {
      this.events.onWarning(hosted.name, message);
    };
    const start = performance.now();
    const open = () => this.device.open(hosted, { offload, onFraction, onWarning, signal });
    const model = await open().catch((error: unknown) => {
      if (error instanceof GpuOutOfMemoryError && this.evictIdle()) return open();
      throw error;
    });
    const shelved = { model, offload, memory, uses: 0, lastUse: 0 };
    if (this.#isDisposed) model.dispose();
    else this.#models.set(hosted.name, shelved);
    this.events.onOpen(hosted.name, performance.now() - start);
    return shelved;
  }

  /** The offload with which a model fits: the one that was asked for, or else "never" before "idle". */
  #offloadOf({ hosted: { name, offload: asked }, facts: { memory } }: KnownModel): Offload {
    const tried: readonly Offload[] = asked === undefined ? ["never", "idle"] : [asked];
    const offload = tried.find((one) => peakBytes(memory, one, 1) <= this.#budget);
    if (offload !== undefined) return offload;
    const needed = Math.min(...tried.map((one) => peakBytes(memory, one, 1)));
    throw new ServerError(
      "model-failed",
      `The model ${name} needs ${formatBytes(needed)} of GPU memory for one image, but only ${formatBytes(this.#budget)} may be used.`,
    );
  }

  /** Disposes models that were not used for the longest time, until there are so many bytes; waits for those in use. */
  async #makeRoom(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    while (this.#models.size > 0 && this.#takenBytes + bytes > this.#budget) {
      const idle = [...this.#models].filter(([, { uses }]) => uses === 0);
      const [oldest] = idle.sort(([, a], [, b]) => a.lastUse - b.lastUse);
      if (oldest) this.#evict(oldest[0]);
      else await orAborted(new Promise<void>((resolve) => (this.#wake = resolve)), signal);
    }
  }

  /** Bytes of all open models: those in use with what they compute. */
  get #takenBytes(): number {
    return sumOf(this.#models.values(), (one) =>
      one.uses > 0 ? peakBytes(one.memory, one.offload, 1) : restBytes(one),
    );
  }

  #evict(name: string): void {
    this.#models.get(name)?.model.dispose();
    this.#models.delete(name);
    this.events.onEvict(name);
  }
}

/** Bytes of a model that is not in use. */
function restBytes({ offload, memory }: Pick<Shelved, "offload" | "memory">): number {
  return offload === "never" ? memory.weightBytes : 0;
}

/** Most bytes that a model takes while it computes a batch of so many images. */
function peakBytes({ images, loadedBytes, offloadBytes }: ModelMemory, offload: Offload, batch: number): number {
  const [one, many] = offload === "never" ? loadedBytes : offloadBytes;
  return one + ((many - one) * (batch - 1)) / (images - 1);
}

function sumOf(models: Iterable<Shelved>, bytesOf: (model: Shelved) => number): number {
  return [...models].reduce((sum, one) => sum + bytesOf(one), 0);
}
