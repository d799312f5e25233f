import { disposeState, type RunState } from "../../diffusion/run-state.js";
import { scaleBy } from "../../ops/elementwise.js";
import type { Arena } from "../../tensor/arena.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { KarloStage, StageSampling } from "./karlo-stage.js";

/** Runs `body` while the weights of a component are on the GPU. `body` gets the stage, or the same in another dtype. */
export type UseStage = <T>(component: string, body: (stage: KarloStage, arena: Arena) => Promise<T>) => Promise<T>;

/**
 * Runs a stage: one network after the other, each of which is on the GPU only for its own steps. Returns images f32 `[batch,
 * side, side, channels]` in [0, 1], which the caller disposes.
 */
export async function runStage(
  arena: Arena,
  stage: KarloStage,
  sampling: StageSampling,
  use: UseStage,
): Promise<Tensor> {
  let state: RunState | undefined;
  try {
    for (const part of stage.parts(sampling)) {
      const rewind = sampling.noise.mark?.();
      const from = state;
      const next: RunState = await use(part.component, (own, ownArena) => {
        // A body that runs again, in f32, gets the same noise.
        rewind?.();
        return own.samplePart(ownArena, sampling, part, from);
      });
      disposeState(from);
      state = next;
    }
    // So low a strength leaves no step.
    if (!state) return arena.scope(() => scaleBy(arena.share(sampling.initImage!), 1));
    return stage.images(arena, state, sampling);
  } finally {
    disposeState(state);
  }
}
