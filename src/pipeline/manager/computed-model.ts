import { COMPUTE_IN_F32, NotFiniteError, type NotFinitePlace } from "../../diffusion/sampling-error.js";
import type { Arena } from "../../tensor/arena.js";
import type { ComputeType } from "../../tensor/dtype.js";
import type { Component } from "../../models/component.js";
import { DisposedError } from "../../platform/disposed-error.js";
import type { Loaded } from "./load-models.js";
import type { Offloader } from "./offload.js";

/** A model whose weights of one component are on the GPU. */
export interface Computed<Model> {
  readonly model: Model;
  readonly dtype: ComputeType;
  /** Name of the component, if it computes in f32 because f16 overflowed or would. */
  readonly inF32: readonly string[] | undefined;
}

/** Arena and options of a model. */
export interface Computing<Model> {
  readonly arena: Arena;
  readonly offload: Offloader;
  /** Builds the model again, in f32. */
  readonly inF32: () => Promise<Loaded<Model>>;
  /** Whether a component is repeated in f32 if its values are not finite in f16. */
  readonly repeats: boolean;
  readonly warn: (message: string) => void;
}

/** Maximum number of tensors that an error names. */
const MAX_NAMED = 3;

/**
 * A model whose components compute in the dtype of the manager. If a component overflows in f16, it is built again in f32 and
 * stays in f32.
 */
export class ComputedModel<Model> {
  readonly #f32Components = new Set<number>();
  #f32: Promise<Loaded<Model>> | undefined;
  #isDisposed = false;

  constructor(
    readonly loaded: Loaded<Model>,
    private readonly computing: Computing<Model>,
  ) {}

  /** Makes the components with these names compute in f32. */
  async computeInF32(names: readonly string[]): Promise<void> {
    if (this.computing.arena.dtype === "f32") return;
    for (const [index, { name }] of this.loaded.components.entries()) {
      if (names.includes(name)) await this.#switch(index);
    }
  }

  /**
   * Runs `body` while the weights of a component are on the GPU. If `body` rejects because values are not finite in f16, it may
   * be run again in f32.
   */
  async use<T>(index: number, body: (computed: Computed<Model>) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const { arena, offload, repeats } = this.computing;
    const component = this.loaded.components[index]!;
    if (this.#f32Components.has(index)) return this.#useInF32(index, body, signal);
    try {
      const computed = { model: this.loaded.model, dtype: arena.dtype, inF32: undefined };
      return await offload.use(component, () => body(computed), signal);
    } catch (error) {
      if (!(error instanceof NotFiniteError) || !error.place) throw error;
      if (!repeats || error.place.dtype === "f32") throw await explained(error, error.place, component, signal);
      return await this.#repeat(index, body, error, signal);
    }
  }

  dispose(): void {
    this.#isDisposed = true;
    this.loaded.dispose();
    this.#f32?.then(
      (loaded) => {
        loaded.dispose();
      },
      () => undefined,
    );
  }

  async #repeat<T>(
    index: number,
    body: (computed: Computed<Model>) => Promise<T>,
    error: NotFiniteError,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    if (await this.#switch(index)) {
      const { name } = this.loaded.components[index]!;
      const { step } = error.place!;
      const when = step === undefined ? "" : ` in step ${step}`;
      this.computing.warn(
        `${name} overflows in f16${when}: it is repeated in f32 and stays in f32, which takes twice the memory.`,
      );
    }
    return this.#useInF32(index, body, signal, error);
  }

  /** Makes a component compute in f32. Returns false if another call has done so. */
  async #switch(index: number): Promise<boolean> {
    const { components } = await this.#loadInF32();
    if (this.#f32Components.has(index)) return false;
    this.#f32Components.add(index);
    this.computing.offload.replace(this.loaded.components[index]!, components[index]!);
    return true;
  }

  async #loadInF32(): Promise<Loaded<Model>> {
    // Files that are opened after disposal would never be closed.
    if (this.#isDisposed)
      throw new DisposedError("The model was disposed while it was in use.", { code: "manager/disposed" });
    this.#f32 ??= this.computing.inF32();
    try {
      return await this.#f32;
    } catch (error) {
      this.#f32 = undefined;
      throw error;
    }
  }

  async #useInF32<T>(
    index: number,
    body: (computed: Computed<Model>) => Promise<T>,
    signal: AbortSignal | undefined,
    cause?: NotFiniteError,
  ): Promise<T> {
    const { model, components } = await this.#loadInF32();
    const component = components[index]!;
    const computed: Computed<Model> = { model, dtype: "f32", inF32: [component.name] };
    try {
      return await this.computing.offload.use(component, () => body(computed), signal);
    } catch (error) {
      if (!(error instanceof NotFiniteError) || !error.place) throw error;
      throw await explained(error, error.place, component, signal, cause);
    }
  }
}

/** Returns the error with advice: what is wrong in the file of the component, or what to change. */
async function explained(
  error: NotFiniteError,
  place: NotFinitePlace,
  { weights }: Component,
  signal: AbortSignal | undefined,
  before?: NotFiniteError,
): Promise<NotFiniteError> {
  const { name: file } = weights.source;
  const damaged = await weights.notFinite(signal).catch(() => []);
  signal?.throwIfAborted();
  const repeated = before ? "It was repeated in f32 after f16 had failed too. " : "";
  return NotFiniteError.at(place, repeated + advice(place, file, damaged), { cause: before ?? error });
}

function advice({ dtype }: NotFinitePlace, file: string, damaged: readonly string[]): string {
  if (damaged.length > 0) {
    const more = damaged.length > MAX_NAMED ? ` and ${damaged.length - MAX_NAMED} more` : "";
    return `${file} is damaged, or was saved after its training failed: there are infinities or NaN in ${damaged.slice(0, MAX_NAMED).join(", ")}${more}. Get another copy or an earlier checkpoint.`;
  }
  if (dtype === "f16") return `f16 overflows: ${COMPUTE_IN_F32}.`;
  return `The weights in ${file} are finite: the inputs or the guidance scale may be too large for f32.`;
}
