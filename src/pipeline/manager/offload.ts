import { GpuOutOfMemoryError } from "../../gpu/errors.js";
import type { GpuDevice } from "../../gpu/device.js";
import type { Component } from "../../models/component.js";
import type { LoadingOptions } from "./loading-options.js";
import type { Arena } from "../../tensor/arena.js";
import { orAborted } from "../../platform/or-aborted.js";
import { warnOnConsole } from "../../platform/printable.js";

/**
 * Which components leave the GPU when they are not in use. `never`: none. `idle`: all, when another component is loaded; a
 * component is then read from its file each time that it is needed.
 */
export type Offload = "never" | "idle";

/** Share of the GPU's memory that weights may take with offload "never". The rest is for activations. */
const WEIGHT_SHARE = 0.75;

/** The weights of a component do not fit into the GPU's memory, even alone. */
export class WeightMemoryError extends GpuOutOfMemoryError {
  static override readonly code = "gpu/weights-out-of-memory";
  override readonly name = "WeightMemoryError";

  static {
    this.register(this);
  }
}

/**
 * Loads components when they are used, and offloads idle ones. With offload "idle", calls that use different components wait
 * for each other, in the order of the calls.
 *
 * @internal
 */
export class Offloader {
  /** Number of calls that use each component now. */
  readonly #uses = new Map<Component, number>();
  readonly #components: Set<Component>;
  #offload: Offload;
  /** Components are loaded one after the other. */
  #queue: Promise<unknown> = Promise.resolve();
  /** Called when a use ends, since the first in the queue may wait for it. */
  #wake: () => void = () => undefined;

  /** Default of `offload`: "idle" if the adapter's memory is known and too small for all weights, else "never". */
  constructor(
    private readonly gpu: GpuDevice,
    components: readonly Component[],
    offload: Offload | undefined,
    private readonly options: Pick<LoadingOptions, "onProgress" | "onWarning">,
  ) {
    this.#components = new Set(components);
    this.#offload = offload ?? this.#bestOffload();
  }

  get offload(): Offload {
    return this.#offload;
  }

  /** Replaces a component by another. The memory of the old one is freed as soon as no call uses it. */
  replace(old: Component, by: Component): void {
    this.#components.delete(old);
    this.#components.add(by);
    this.#unloadIfReplaced(old);
  }

  #unloadIfReplaced(component: Component): void {
    if (!this.#components.has(component) && !this.#uses.has(component)) component.weights.unload();
  }

  /**
   * Runs `body` while the weights of a component are on the GPU, and verified. `body` must not use another component. Rejects with
   * `WeightMemoryError` if the weights do not fit, and with `FileError` if their download fails.
   */
  async use<T>(component: Component, body: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#acquire(component, signal);
    try {
      await this.#verify(component, signal);
      return await body();
    } finally {
      this.#count(component, -1);
    }
  }

  /** Loads all components but those named `except`, unless offload is "idle". */
  async load(signal?: AbortSignal, except: readonly string[] = []): Promise<void> {
    const isWanted = ({ name }: Component): boolean => this.#offload === "never" && !except.includes(name);
    // All files have a call that waits for them, so that an abort stops each, also those that are read later.
    for (const component of this.#components) {
      if (isWanted(component)) component.weights.source.complete?.(signal).catch(() => undefined);
    }
    // The weights of all come to the GPU as they arrive, before the first download is complete.
    for (const component of this.#components) {
      if (!isWanted(component)) continue;
      await this.#acquire(component, signal);
      this.#count(component, -1);
    }
    for (const component of this.#components) {
      if (isWanted(component)) await this.use(component, () => Promise.resolve(), signal);
    }
  }

  /** Waits until the file of a component is complete. If it is not what it should be, its weights leave the GPU. */
  async #verify({ weights }: Component, signal: AbortSignal | undefined): Promise<void> {
    try {
      await weights.source.complete?.(signal);
    } catch (error) {
      if (!signal?.aborted) weights.unload();
      throw error;
    }
  }

  /** Frees the GPU memory of components that are not in use. Returns false if there were none. */
  offloadIdle(): boolean {
    const idle = [...this.#components].filter((one) => one.weights.isLoaded && !this.#uses.has(one));
    for (const { weights } of idle) weights.unload();
    this.gpu.trim();
    return idle.length > 0;
  }

  /** Changes offload to "idle", with a warning. Returns false if it was "idle" before. */
  makeRoom(): boolean {
    if (this.#offload === "idle") return false;
    const { onWarning = warnOnConsole } = this.options;
    onWarning(
      "The GPU has no memory for all models together: from now on each is loaded when it is needed " +
        '(offload "idle").',
    );
    this.#offload = "idle";
    this.offloadIdle();
    return true;
  }

  #bestOffload(): Offload {
    const { memoryBytes } = this.gpu;
    const needed = [...this.#components].reduce((sum, { weights }) => sum + weights.gpuBytes, 0);
    return memoryBytes !== undefined && needed > WEIGHT_SHARE * memoryBytes ? "idle" : "never";
  }

  #count(component: Component, change: 1 | -1): void {
    const uses = (this.#uses.get(component) ?? 0) + change;
    if (uses > 0) this.#uses.set(component, uses);
    else this.#uses.delete(component);
    if (change > 0) return;
    this.#unloadIfReplaced(component);
    this.#wake();
  }

  async #acquire(component: Component, signal: AbortSignal | undefined): Promise<void> {
    const turn = this.#queue;
    const entered = turn.then(() => this.#loadIfNeeded(component, signal));
    this.#queue = entered.catch(() => undefined);
    await orAborted(turn, signal);
    await entered;
  }

  /** Loads a component if it is not on the GPU, and counts it as used. */
  async #loadIfNeeded(component: Component, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const { isLoaded } = component.weights;
    if (!isLoaded && this.#offload === "idle") await this.#offloadOthers(component, signal);
    this.#count(component, 1);
    try {
      if (!isLoaded) await this.#load(component, signal);
    } catch (error) {
      this.#count(component, -1);
      throw error;
    }
  }

  /** Waits until no other component is in use, and offloads all of them. */
  async #offloadOthers(component: Component, signal: AbortSignal | undefined): Promise<void> {
    while ([...this.#uses.keys()].some((used) => used !== component)) {
      await orAborted(new Promise<void>((resolve) => (this.#wake = resolve)), signal);
    }
    this.offloadIdle();
  }

  async #load(component: Component, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#readWeights(component, signal);
    } catch (error) {
      if (!(error instanceof GpuOutOfMemoryError)) throw error;
      await this.#recover(component);
      if (!this.makeRoom()) throw tooLarge(component, error);
      await this.#offloadOthers(component, signal);
      await this.#readWeights(component, signal).catch(async (again: unknown) => {
        if (!(again instanceof GpuOutOfMemoryError)) throw again;
        await this.#recover(component);
        throw tooLarge(component, again);
      });
    }
  }

  /** Frees the memory that a failed loading took. Memory that calls use stays. */
  async #recover({ weights }: Component): Promise<void> {
    await weights.arena.stream.recover();
    this.gpu.trim();
  }

  async #readWeights({ name: component, weights }: Component, signal: AbortSignal | undefined): Promise<void> {
    const { onProgress } = this.options;
    await weights.fill({
      signal,
      onProgress: (loadedBytes, totalBytes) =>
        onProgress?.({ file: weights.source.name, component, loadedBytes, totalBytes }),
    });
  }
}

function tooLarge({ name, weights }: Component, cause: unknown): WeightMemoryError {
  const size = Math.ceil(weights.gpuBytes / 2 ** 20);
  return new WeightMemoryError(
    `The GPU has no memory for the weights of ${name}, which take ${size} MiB${helpWithWeights(weights.arena)}.`,
    { cause },
  );
}

function helpWithWeights({ dtype, weightType }: Arena): string {
  const byte = 'weights "int8" is a byte for each';
  if (weightType === "int8") return "";
  return dtype === "f32" ? `${helpWith(dtype)}; ${byte}` : `; ${byte}`;
}

/**
 * Returns advice for an error about GPU memory.
 *
 * @internal
 */
export function helpWith(dtype: "f32" | "f16"): string {
  return dtype === "f32" ? '; dtype "f16" halves that, if the adapter has it' : "";
}
