import type { SamplerStep } from "./sampler.js";

/** One evaluation of the network: a step, or one of its repetitions when inpainting. */
export interface Pass {
  readonly index: number;
  readonly step: SamplerStep;
  readonly stepIndex: number;
  /** Go back to the time of the step afterwards, to do it once more. */
  readonly repeats: boolean;
}

/** The passes of a run in which each step is taken `times` times. */
export function passesOf(steps: readonly SamplerStep[], times: number): readonly Pass[] {
  const last = steps.length - 1;
  return steps.flatMap((step, stepIndex) =>
    Array.from({ length: times }, (_, i) => ({
      index: stepIndex * times + i,
      step,
      stepIndex,
      // RePaint does not go back from a finished sample, but it does repeat the last step.
      repeats: stepIndex !== last && i < times - 1,
    })),
  );
}

/**
 * Passes of which every other dispatches what one of these does: the first, which has no pass before it; of the later ones
 * the first of each kind; and the last.
 */
export function distinctPasses(passes: readonly Pass[]): readonly Pass[] {
  const kinds = new Map<string, Pass>();
  for (const pass of passes.slice(1, -1)) {
    const kind = `${pass.step.noise} ${pass.repeats}`;
    if (!kinds.has(kind)) kinds.set(kind, pass);
  }
  return [...new Set([...passes.slice(0, 1), ...kinds.values(), ...passes.slice(-1)])];
}
