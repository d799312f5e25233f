import type { Tensor } from "../tensor/tensor.js";
import { checkF32 } from "./check.js";
import { dispatch } from "./dispatch.js";
import { invocations } from "./grid.js";
import { operand, type Operand, type Part } from "./parts.js";
import type { StepInputs } from "./step-inputs.js";

/** Where the values of a sampler stopped being finite. */
export interface FirstNotFinite {
  /** Counted from 0. */
  readonly pass: number;
  /** Whether they are in the network's prediction; otherwise they are in the next state of the sampler. */
  readonly isPredicted: boolean;
}

/** Value in the buffer if the values of all passes were finite. */
const NO_PASS = 0xffffffff;

/** Returns how many vec4s of a tensor are in a part of the longer one. */
function vectorsIn({ vectors }: Tensor, { line, lines }: Part): number {
  return Math.max(0, Math.min(lines, vectors - line));
}

function vectorsOf(tensor: Tensor): Operand {
  return operand(tensor, (part) => [{ start: 4 * part.line, end: 4 * (part.line + vectorsIn(tensor, part)) }]);
}

/** Checks the values of a sampler on the GPU. It records the first pass with infinity or NaN, which is read later. */
export class FiniteWatch {
  readonly #first: Tensor;

  /** The caller disposes it. */
  constructor(private readonly steps: StepInputs) {
    const { arena } = steps;
    this.#first = arena.detached([4], "u32");
    arena.stream.write(this.#first.storage, new Uint32Array(4).fill(NO_PASS));
  }

  /** Checks the network's prediction and the state after the pass, both f32. Encodes GPU work. */
  check(prediction: Tensor, state: Tensor): void {
    checkF32("noteNotFinite", "prediction", prediction, prediction.shape);
    checkF32("noteNotFinite", "state", state, state.shape);
    const { stream } = state.arena;
    const count = Math.max(prediction.vectors, state.vectors);
    dispatch(stream, "noteNotFinite", {
      op: "noteNotFinite",
      space: { samples: 1, lines: count },
      operands: {
        prediction: vectorsOf(prediction),
        state: vectorsOf(state),
        counter: this.steps.counter.storage,
        first: this.#first.storage,
      },
      call: (part) => ({
        params: {
          invocations: part.lines,
          prediction_vectors: vectorsIn(prediction, part),
          state_vectors: vectorsIn(state, part),
        },
        grid: invocations(part.lines),
      }),
    });
  }

  /** Waits for all work encoded so far. Returns undefined if all values were finite, and in a dry run. */
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
