// The inputs of a guided batch: the conditional half, then the null half.
import type { PassTimes } from "../../ops/step-inputs.js";

/** The timesteps of both halves. */
export function joinTimes(times: PassTimes): PassTimes {
  return times.map((time) => (typeof time === "number" ? time : [...time, ...time]));
}
