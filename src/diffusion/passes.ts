import type { SamplerStep } from "./sampler.js";

/** One evaluation of the network: a step, or one of its repetitions when inpainting. */
export interface Pass {
  readonly index: number;
  readonly step: SamplerStep;
  readonly stepIndex: number;
  /** Whether to go back to the timestep of the step afterwards, to repeat it. */
  readonly repeats: boolean;
}

/** Returns the passes of a run that does each step `times` times. */
export function passesOf(steps: readonly SamplerStep[], times: number): readonly Pass[] {
  const last = steps.length - 1;
  return steps.flatMap((step, stepIndex) =>
    Array.from({ length: times }, (_, i) => ({
      index: stepIndex * times + i,
      step,
      stepIndex,
      // RePaint repeats the last step, but does not go back from a finished sample.
      repeats: stepIndex !== last && i < times - 1,
    })),
  );
}

/** Passes of one kind dispatch the same, if their states have the same tensors. Samplers distinguish steps by nothing else. */
export function kindOf({ step, repeats }: Pass): string {
  return `${step.noise}${repeats ? ", repeats" : ""}${step.next < 0 ? ", ends" : ""}`;
}

/**
 * Returns passes that together dispatch everything that all passes dispatch: the first, which has no previous pass, the
 * last, and one of each kind between them.
 */
export function distinctPasses(passes: readonly Pass[]): readonly Pass[] {
  const kinds = new Map<string, Pass>();
  for (const pass of passes.slice(1, -1)) {
    const kind = kindOf(pass);
    if (!kinds.has(kind)) kinds.set(kind, pass);
  }
  return [...new Set([...passes.slice(0, 1), ...kinds.values(), ...passes.slice(-1)])];
}
