import type { Arena } from "../tensor/arena.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkF32 } from "./check.js";
import { invocations } from "./grid.js";

/** Where a sampler's values stopped being finite, counted in steps from 0. */
export interface FirstNotFinite {
  readonly step: number;
  /** Whether the network predicted them; otherwise the sampler computed them from what it predicted. */
  readonly isPredicted: boolean;
}

/** What the kernel leaves where no step had such values. */
const NO_STEP = 0xffffffff;

/** Watches a sampler: the first step with values that are infinite or not a number is noted on the GPU, and read later. */
export class FiniteWatch {
  readonly #first: Tensor;

  /** The caller disposes it. */
  constructor(arena: Arena) {
    this.#first = arena.detached([4], "u32");
    arena.stream.write(this.#first.storage, new Uint32Array(4).fill(NO_STEP));
  }

  /** Looks at the network's prediction and at the state after the step, both f32. Encodes GPU work. */
  look(step: number, prediction: Tensor, state: Tensor): void {
    checkF32("noteNotFinite", "prediction", prediction, prediction.shape);
    checkF32("noteNotFinite", "state", state, state.shape);
    const { stream } = state.arena;
    const count = Math.max(prediction.vectors, state.vectors);
    stream.dispatch("noteNotFinite", {
      bindings: { prediction: prediction.storage, state: state.storage, first: this.#first.storage },
      params: { invocations: count, prediction_vectors: prediction.vectors, state_vectors: state.vectors, step },
      grid: invocations(count),
    });
  }

  /** Waits for all work encoded so far. Undefined where all values were finite. */
  async read(): Promise<FirstNotFinite | undefined> {
    const { storage, arena } = this.#first;
    const [predicted = NO_STEP, state = NO_STEP] = new Uint32Array(await arena.stream.read(storage, 8));
    const step = Math.min(predicted, state);
    return step === NO_STEP ? undefined : { step, isPredicted: predicted <= state };
  }

  dispose(): void {
    this.#first.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
