// The inputs of a guided batch: the conditional half, then the null half.
import { ShapeError } from "../../ops/shape-error.js";
import type { PassTimes } from "../../ops/step-inputs.js";
import type { TextMaskRows } from "../interfaces.js";

/** The timesteps of both halves. */
export function joinTimes(times: PassTimes): PassTimes {
  return times.map((time) => (typeof time === "number" ? time : [...time, ...time]));
}

/** The masks of both halves. Throws `ShapeError` if only one half has a mask. */
export function joinMasks(conditional?: TextMaskRows, other?: TextMaskRows): TextMaskRows | undefined {
  if (!conditional && !other) return undefined;
  if (conditional && other) return [...conditional, ...other];
  throw new ShapeError("guidance", "mask", "a mask for one half", "a mask for both halves, or none");
}
