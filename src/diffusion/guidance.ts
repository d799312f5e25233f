import { concatBatch, repeatBatch } from "../ops/layout.js";
import { guide } from "../ops/sampler.js";
import { finiteNumber } from "../platform/arguments.js";
import type { Tensor } from "../tensor/tensor.js";
import { SamplingError } from "./sampling-error.js";
import type { AskedSettings, NetworkSettings } from "./settings.js";

/** The scale that leaves a prediction as it is. */
export const UNGUIDED = { condScale: 1 } as const satisfies AskedSettings;

/** Whether a scale changes a prediction. */
export function guides(scale: number): boolean {
  return scale !== UNGUIDED.condScale;
}

/** Whether settings ask for guidance. */
export function isGuided({ condScale = UNGUIDED.condScale }: AskedSettings): boolean {
  return guides(condScale);
}

/** The scale by which a network is guided. Throws `SamplingError` where it cannot be; `name` is what messages call it. */
export function guidanceScale(
  settings: NetworkSettings,
  { name, canGuide }: { readonly name: string; readonly canGuide: boolean },
): number {
  const scale = finiteNumber("condScale", settings.condScale);
  if (canGuide || !isGuided(settings)) return scale;
  throw new SamplingError(
    `${name} was trained without dropping its conditions, so it cannot be guided: condScale must be 1, not ${scale}.`,
  );
}

/**
 * What guidance does with a learned variance behind the prediction: guides it with the rest (DALLE2-pytorch), or takes the
 * conditional one.
 */
export type VarianceGuidance = "guided" | "conditional";

/**
 * Classifier-free guidance (Ho & Salimans 2022): null + (conditional - null) · scale. Both predictions come from one batch
 * of twice the size, the conditional half first; the null half is told nothing, or of what the sample is to be unlike.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2153-L2165
 */
export class Guidance {
  constructor(
    readonly scale: number,
    /** Channels of what is sampled; a prediction may have more, which are its variance. */
    private readonly channels: number,
    private readonly variance: VarianceGuidance = "guided",
  ) {}

  /** The same input for both halves. */
  double(x: Tensor): Tensor {
    return repeatBatch(x, 2);
  }

  /** An input of the conditional half, and of the null half where that is told something else. */
  join(conditional: Tensor, other: Tensor | undefined): Tensor {
    return concatBatch(conditional, other ?? conditional);
  }

  /** The guided prediction, f32 `[B, ..., C]`, from those of both halves `[2B, ..., C]`. */
  guide(predictions: Tensor): Tensor {
    return guide(predictions, this.scale, this.variance === "guided" ? predictions.channels : this.channels);
  }
}
