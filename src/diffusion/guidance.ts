import { concatBatch, repeatBatch } from "../ops/layout.js";
import { guide } from "../ops/sampler.js";
import { finiteNumber } from "../platform/arguments.js";
import type { Tensor } from "../tensor/tensor.js";
import { SamplingError } from "./sampling-error.js";
import type { AskedSettings, NetworkSettings } from "./settings.js";

/** Settings without guidance: a scale of 1 does not change a prediction. */
export const NO_GUIDANCE = { condScale: 1 } as const satisfies AskedSettings;

/** Whether a guidance scale changes a prediction. */
export function guides(scale: number): boolean {
  return scale !== NO_GUIDANCE.condScale;
}

/** Whether settings ask for guidance. */
export function isGuided({ condScale = NO_GUIDANCE.condScale }: AskedSettings): boolean {
  return guides(condScale);
}

/**
 * Returns the guidance scale of a network. Throws `SamplingError` if the network cannot be guided. `name` is its name
 * in messages.
 */
export function guidanceScale(
  settings: NetworkSettings,
  { name, canGuide }: { readonly name: string; readonly canGuide: boolean },
): number {
  const scale = finiteNumber("condScale", settings.condScale);
  if (canGuide || !isGuided(settings)) return scale;
  throw new SamplingError(
    `${name} was trained without dropping its conditions, so it cannot be guided: condScale must be 1, got ${scale}.`,
  );
}

/**
 * How guidance treats a learned variance: it is guided like the prediction (DALLE2-pytorch), or taken from the
 * conditional half.
 */
export type VarianceGuidance = "guided" | "conditional";

/**
 * Classifier-free guidance (Ho & Salimans 2022): null + (conditional - null) · scale. One batch of twice the size gives
 * both predictions, the conditional half first. The null half has no condition, or the negative prompt.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2153-L2165
 */
export class Guidance {
  constructor(
    readonly scale: number,
    /** Channels of the sample. Further channels of a prediction are its variance. */
    private readonly channels: number,
    private readonly variance: VarianceGuidance = "guided",
  ) {}

  /** Uses the same input for both halves. */
  double(x: Tensor): Tensor {
    return repeatBatch(x, 2);
  }

  /** Joins the inputs of the conditional half and the null half. Without `other` both get the same. */
  join(conditional: Tensor, other: Tensor | undefined): Tensor {
    return concatBatch(conditional, other ?? conditional);
  }

  /** Returns the guided prediction, f32 `[B, ..., C]`, from the predictions of both halves, `[2B, ..., C]`. */
  guide(predictions: Tensor): Tensor {
    return guide(predictions, this.scale, this.variance === "guided" ? predictions.channels : this.channels);
  }
}
