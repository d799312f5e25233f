import { counted } from "../../platform/counted.js";
import { UsageError } from "../errors.js";

/**
 * Throws `UsageError` unless an option was given once, or once for each of `inputs`. `input` names one of these: "prompt". Returns the
 * index of the value of each input.
 */
export function valuePerInput(
  option: string,
  { length: given }: readonly unknown[],
  inputs: number,
  input: string,
): readonly number[] {
  if (given !== 1 && given !== inputs) {
    const often = inputs > 1 ? `once, or once for each of ${counted(inputs, input)}` : "once";
    throw new UsageError(`${option} must be given ${often}; it was given ${counted(given, "time")}.`);
  }
  return Array.from({ length: inputs }, (_, i) => (given === 1 ? 0 : i));
}
