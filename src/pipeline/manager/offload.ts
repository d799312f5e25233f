import { GpuOutOfMemoryError } from "../../gpu/errors.js";
import type { GpuDevice } from "../../gpu/device.js";
import type { Component } from "../../models/component.js";
import type { LoadingOptions } from "./loading-options.js";
import { warnOnConsole } from "../../platform/printable.js";

/**
 * Which components stay on the GPU: all that were used; or only the one in use, so that a component is read from its file
 * again each time that its turn comes.
 */
export type Offload = "never" | "idle";

/** Share of the GPU's memory that weights may take if they are to stay; the rest is for what is computed with them. */
const WEIGHT_SHARE = 0.75;

/** The weights of a component do not fit onto the GPU, even alone. */
export class WeightMemoryError extends GpuOutOfMemoryError {
  static override readonly code = "gpu/weights-out-of-memory";
  override readonly name = "WeightMemoryError";

  static {
    this.register(this);
  }
}

/**
 * Brings components to the GPU when they are used, and takes idle ones away as the offload says. Where there is to be one
 * at a time, calls that use different ones wait for each other, in the order in which they came.
 *
 * @internal
 */
export class Offloader {
  /** How many uses of each component there are now. */
  readonly #uses = new Map<Component, number>();
  readonly #components: Set<Component>;
  #offload: Offload;
  /** Components are brought in one after the other. */
  #queue: Promise<unknown> = Promise.resolve();
  /** Called when a use ends, for the one at the head of the queue, which may wait for that. */
  #wake: () => void = () => undefined;

  /** Without a offload it goes by the adapter's memory where that is known; where it is not, weights stay while they fit. */
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

  /** Puts a component in the place of another, whose memory is freed as soon as nobody uses it. */
  replace(old: Component, by: Component): void {
    this.#components.delete(old);
    this.#components.add(by);
    this.#unloadIfReplaced(old);
  }

  #unloadIfReplaced(component: Component): void {
    if (!this.#components.has(component) && !this.#uses.has(component)) component.weights.unload();
  }

  /**
   * Runs `body` while the component's weights are on the GPU; it must not use another component itself. Rejects with
   * `WeightMemoryError` where they do not fit.
   */
  async use<T>(component: Component, body: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#enter(component, signal);
    try {
      return await body();
    } finally {
      this.#count(component, -1);
    }
  }

  /** Brings all components in, where more than one may stay. */
  async load(signal?: AbortSignal): Promise<void> {
    for (const component of this.#components) {
      if (this.#offload === "never") await this.use(component, () => Promise.resolve(), signal);
    }
  }

  /** Takes the components away that nobody uses. False where there were none. */
  evictIdle(): boolean {
    const idle = [...this.#components].filter((one) => one.weights.isLoaded && !this.#uses.has(one));
    for (const { weights } of idle) weights.unload();
    this.gpu.trim();
    return idle.length > 0;
  }

  /** Keeps no more than one component from now on, with a warning. False where that is so already. */
  makeRoom(): boolean {
    if (this.#offload === "idle") return false;
    const { onWarning = warnOnConsole } = this.options;
    onWarning(
      "The GPU has no memory for all of the models together: from now on each is loaded when it is needed " +
        '(offload "idle").',
    );
    this.#offload = "idle";
    this.evictIdle();
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

  async #enter(component: Component, signal: AbortSignal | undefined): Promise<void> {
    const turn = this.#queue;
    const entered = turn.then(() => this.#bring(component, signal));
    this.#queue = entered.catch(() => undefined);
    await unlessAborted(turn, signal);
    await entered;
  }

  /** Brings a component in, and counts it as used. */
  async #bring(component: Component, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const { isLoaded } = component.weights;
    if (!isLoaded && this.#offload === "idle") await this.#clear(component, signal);
    this.#count(component, 1);
    try {
      if (!isLoaded) await this.#load(component, signal);
    } catch (error) {
      this.#count(component, -1);
      throw error;
    }
  }

  /** Waits until no other component is used, and takes all of them away. */
  async #clear(component: Component, signal: AbortSignal | undefined): Promise<void> {
    while ([...this.#uses.keys()].some((used) => used !== component)) {
      await unlessAborted(new Promise<void>((resolve) => (this.#wake = resolve)), signal);
    }
    this.evictIdle();
  }

  async #load(component: Component, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#fill(component, signal);
    } catch (error) {
      if (!(error instanceof GpuOutOfMemoryError)) throw error;
      await this.#recover(component);
      if (!this.makeRoom()) throw tooLarge(component, error);
      await this.#clear(component, signal);
      await this.#fill(component, signal).catch(async (again: unknown) => {
        if (!(again instanceof GpuOutOfMemoryError)) throw again;
        await this.#recover(component);
        throw tooLarge(component, again);
      });
    }
  }

  /** After a loading that failed: what it took is idle then, and given back. What calls use stays. */
  async #recover({ weights }: Component): Promise<void> {
    await weights.arena.stream.recover();
    this.gpu.trim();
  }

  async #fill({ weights }: Component, signal: AbortSignal | undefined): Promise<void> {
    const { onProgress } = this.options;
    await weights.fill({
      signal,
      onProgress: (loadedBytes, totalBytes) => onProgress?.({ file: weights.source.name, loadedBytes, totalBytes }),
    });
  }
}

/** Waits for what does not fail, unless the signal comes first. */
async function unlessAborted(wait: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) {
    await wait;
    return;
  }
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", stop, { once: true });
    void wait.then(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
  });
}

function tooLarge({ name, weights }: Component, cause: unknown): WeightMemoryError {
  const size = Math.ceil(weights.gpuBytes / 2 ** 20);
  return new WeightMemoryError(
    `The weights of ${name} take ${size} MiB, for which the GPU has no memory${helpWith(weights.arena.dtype)}.`,
    { cause },
  );
}

/**
 * What else can be done where memory does not suffice.
 *
 * @internal
 */
export function helpWith(dtype: "f32" | "f16"): string {
  return dtype === "f32" ? '; dtype "f16" halves that, where the adapter has it' : "";
}
