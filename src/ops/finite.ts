import type { Tensor } from "../tensor/tensor.js";
import { checkF32 } from "./check.js";
import { invocations } from "./grid.js";
import type { StepInputs } from "./step-inputs.js";

/** Where a sampler's values stopped being finite. */
export interface FirstNotFinite {
  /** Counted from 0. */
  readonly pass: number;
  /** Whether the network predicted them; otherwise the sampler computed them from what it predicted. */
  readonly isPredicted: boolean;
}

/** What the kernel leaves where no pass had such values. */
const NO_PASS = 0xffffffff;

/** Watches a sampler: the first pass with values that are infinite or not a number is noted on the GPU, and read later. */
export class FiniteWatch {
  readonly #first: Tensor;

  /** The caller disposes it. */
  constructor(private readonly steps: StepInputs) {
    const { arena } = steps;
    this.#first = arena.detached([4], "u32");
    arena.stream.write(this.#first.storage, new Uint32Array(4).fill(NO_PASS));
  }

  /** Looks at the network's prediction and at the state after the pass, both f32. Encodes GPU work. */
  look(prediction: Tensor, state: Tensor): void {
    checkF32("noteNotFinite", "prediction", prediction, prediction.shape);
    checkF32("noteNotFinite", "state", state, state.shape);
    const { stream } = state.arena;
    const count = Math.max(prediction.vectors, state.vectors);
    stream.dispatch("noteNotFinite", {
      bindings: {
        prediction: prediction.storage,
        state: state.storage,
        counter: this.steps.counter.storage,
        first: this.#first.storage,
      },
      params: { invocations: count, prediction_vectors: prediction.vectors, state_vectors: state.vectors },
      grid: invocations(count),
    });
  }

  /** Waits for all work encoded so far. Undefined where all values were finite, and in a dry run. */
  async read(): Promise<FirstNotFinite | undefined> {
    const { storage, arena } = this.#first;
    if (arena.stream.isDryRun) return undefined;
    const [predicted = NO_PASS, state = NO_PASS] = new Uint32Array(await arena.stream.read(storage, 8));
    const pass = Math.min(predicted, state);
    return pass === NO_PASS ? undefined : { pass, isPredicted: predicted <= state };
  }

  dispose(): void {
    this.#first.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
