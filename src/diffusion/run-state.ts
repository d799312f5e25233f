import { InternalError } from "../platform/internal-error.js";
import { bytesPerElement } from "../tensor/dtype.js";
import type { Tensor, TensorArena } from "../tensor/tensor.js";
import type { SamplerState } from "./sampler.js";

/** A state between two steps of a run. All tensors are f32. */
export interface RunState {
  readonly sampled: SamplerState;
  /** The last predicted x0. Kept for self-conditioning, and for a preview until it is shown. */
  readonly x0: Tensor | undefined;
}

/** Frees the tensors of a state. */
export function disposeState(state: RunState | undefined): void {
  if (!state) return;
  for (const tensor of tensorsOf(state)) tensor?.dispose();
}

function tensorsOf({ sampled, x0 }: RunState): readonly (Tensor | undefined)[] {
  return [sampled.x, sampled.lastX0, x0, ...(sampled.kept ?? [])];
}

/** The reverse of `tensorsOf`. */
function stateOf([x, lastX0, x0, ...kept]: readonly (Tensor | undefined)[]): RunState {
  const has = kept.length > 0 ? { kept: kept.filter((tensor) => tensor !== undefined) } : {};
  return { sampled: { x: x!, lastX0, ...has }, x0 };
}

/**
 * The memory of the state of a run. A pass reads its state here, and its next state is copied here, so that all passes can
 * dispatch the same commands.
 */
export class StateMemory {
  readonly #places: (Tensor | undefined)[] = [];

  /** The caller disposes it. */
  constructor(
    private readonly arena: TensorArena,
    private readonly shape: readonly number[],
  ) {}

  /** The place of the sample. */
  get x(): Tensor {
    return this.#place(0);
  }

  /** Copies a state here, and returns it with its tensors in this memory. */
  keep(state: RunState): RunState {
    return stateOf(tensorsOf(state).map((tensor, i) => tensor && this.#copy(tensor, i)));
  }

  /** A state in this memory that lives on when the memory is freed. The caller disposes it. */
  take(state: RunState): RunState {
    return stateOf(tensorsOf(state).map((tensor) => tensor && this.arena.share(tensor)));
  }

  #copy(source: Tensor, index: number): Tensor {
    const place = this.#place(index);
    if (source === place) return place;
    if (this.#places.includes(source)) throw new InternalError("A sampler returned a tensor of the state before.");
    const byteLength = source.rows * source.stride * bytesPerElement("f32");
    const range = ({ storage }: Tensor) => ({ storage, offset: 0, byteLength });
    this.arena.stream.copy(range(source), range(place));
    return place;
  }

  #place(index: number): Tensor {
    return (this.#places[index] ??= this.arena.detached(this.shape, "f32"));
  }

  dispose(): void {
    for (const place of this.#places) place?.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
