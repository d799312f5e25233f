import { concatBatch, repeatBatch } from "../ops/layout.js";
import { guide } from "../ops/sampler.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * What guidance does with a learned variance behind the prediction: guides it with the rest (DALLE2-pytorch), or takes the
 * conditional one.
 */
export type VarianceGuidance = "guided" | "conditional";

/**
 * Classifier-free guidance (Ho & Salimans 2022): null + (conditional - null) · scale. Both predictions come from one batch
 * of twice the size, the conditional half first; the null half is told nothing, or of what the sample is to be unlike.
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
