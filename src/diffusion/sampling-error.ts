import { Dalle2Error, type ErrorPlace } from "../platform/dalle2-error.js";
import type { ComputeType } from "../tensor/dtype.js";

/** A sampling call that asks for what the model cannot do. */
export class SamplingError extends Dalle2Error {
  static override readonly code = "sampling/unsupported";
  override readonly name = "SamplingError";

  static {
    this.register(this);
  }
}

/** Where values stopped being finite. */
export interface NotFinitePlace extends ErrorPlace {
  /** "the prior", "U-Net 2", "CLIP's text encoder". */
  readonly component: string;
  /** What it computed in. */
  readonly dtype: ComputeType;
  /** "the network's prediction", "the image embedding": which values. */
  readonly what: string;
}

/**
 * A model computed infinities or NaN, or would. Nothing is drawn of them: a clamp would turn them into numbers that look like
 * any other.
 */
export class NotFiniteError extends Dalle2Error {
  static override readonly code = "values/not-finite";
  override readonly name = "NotFiniteError";
  /** Undefined where they were foreseen before anything was computed. */
  declare readonly place: NotFinitePlace | undefined;

  static {
    this.register(this);
  }

  /** The error of values at a place. `advice` is what to do; default: what is likely for what it computed in. */
  static at(place: NotFinitePlace, advice = likelyAdvice(place), options?: ErrorOptions): NotFiniteError {
    const { component, dtype, step, steps, what } = place;
    const when = step === undefined ? "" : ` from step ${step} of ${steps} on`;
    return new NotFiniteError(
      `${component}: values are not finite${when}: ${what} holds infinity or NaN, computed in ${dtype}.`,
      { ...options, place, advice },
    );
  }
}

/** What to do where half precision does not suffice, in the words of the command line and of the library. */
export const COMPUTE_IN_F32 = 'compute in f32: --dtype f32 (in the library: dtype "f32")';

function likelyAdvice({ dtype }: NotFinitePlace): string {
  return dtype === "f16"
    ? `Half precision overflows on some models; ${COMPUTE_IN_F32}.`
    : "Its weights or its inputs hold values that are not finite, or so large that f32 overflows.";
}

/** Throws `NotFiniteError` if any value is infinite or not a number. */
export function checkFinite(place: NotFinitePlace, values: Float32Array): void {
  if (!values.every(Number.isFinite)) throw NotFiniteError.at(place);
}
