import { Dalle2Error, type ErrorPlace } from "../platform/dalle2-error.js";
import type { ComputeType } from "../tensor/dtype.js";

/** A call asks for something that the model cannot do. */
export class SamplingError extends Dalle2Error {
  static override readonly code = "sampling/unsupported";
  override readonly name = "SamplingError";

  static {
    this.register(this);
  }
}

/** Where values are not finite. */
export interface NotFinitePlace extends ErrorPlace {
  /** For example "the prior", "U-Net 2", "CLIP's text encoder". */
  readonly component: string;
  /** The dtype that it computes in. */
  readonly dtype: ComputeType;
  /** Which values, for example "the network's prediction", "the image embedding". */
  readonly what: string;
}

/**
 * A model computed infinity or NaN, or would compute it. No image is generated, because clamping would turn these
 * values into ordinary numbers.
 */
export class NotFiniteError extends Dalle2Error {
  static override readonly code = "values/not-finite";
  override readonly name = "NotFiniteError";
  /** Undefined if the error was detected before anything was computed. */
  declare readonly place: NotFinitePlace | undefined;

  static {
    this.register(this);
  }

  /** Creates the error for a place. `advice` says what to do. Default: the likely solution for the dtype. */
  static at(place: NotFinitePlace, advice = likelyAdvice(place), options?: ErrorOptions): NotFiniteError {
    const { component, dtype, step, steps, what } = place;
    const when = step === undefined ? "" : ` from step ${step} of ${steps} on`;
    return new NotFiniteError(
      `${component}: values are not finite${when}: ${what} contains infinity or NaN, computed in ${dtype}.`,
      { ...options, place, advice },
    );
  }
}

/** Advice if half precision is not enough, for the command line and for the library. */
export const COMPUTE_IN_F32 = 'compute in f32: --dtype f32 (in the library: dtype "f32")';

function likelyAdvice({ dtype }: NotFinitePlace): string {
  return dtype === "f16"
    ? `Half precision overflows with some models; ${COMPUTE_IN_F32}.`
    : "Its weights or inputs contain values that are not finite, or so large that f32 overflows.";
}

/** Throws `NotFiniteError` if any value is infinity or NaN. */
export function checkFinite(place: NotFinitePlace, values: Float32Array): void {
  if (!values.every(Number.isFinite)) throw NotFiniteError.at(place);
}
