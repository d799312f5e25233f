import type { ComputeType } from "../tensor/dtype.js";

/** How our output for a fixture compares with the reference's. */
export interface VerifyResult {
  readonly name: string;
  readonly kind: string;
  readonly pass: boolean;
  /** Largest absolute error of all outputs; null where nothing could be compared. */
  readonly maxAbs: number | null;
  /** Largest mean square error of the outputs, each relative to the mean square of what is expected. */
  readonly nmse: number | null;
  /** Why it does not pass. */
  readonly message?: string;
}

/**
 * Bounds that an output has to keep: `maxRelative` is its largest error relative to the largest value expected, `beyondOne`
 * the share of values that err by more than 1.
 */
export interface Tolerance {
  readonly maxRelative?: number;
  readonly nmse?: number;
  readonly beyondOne?: number;
}

export const EXACT: Tolerance = { maxRelative: 0 };

/** One pass through a network: f32 sums in another order err by a few 1e-6; f16 rounds what each layer stores. */
export const FORWARD: Readonly<Record<ComputeType, Tolerance>> = { f32: { maxRelative: 5e-5 }, f16: { nmse: 1e-4 } };

/** A sampling loop, whose steps feed errors back into the network. */
export const LOOP: Readonly<Record<ComputeType, Tolerance>> = { f32: { maxRelative: 2e-3 }, f16: { nmse: 1e-3 } };

/** Bytes of pictures at the end of sampling loops: f32 rounding carries some values over to the next byte. */
export const PIXELS: Readonly<Record<ComputeType, Tolerance>> = { f32: { beyondOne: 0.01 }, f16: { nmse: 1e-3 } };

/** One output of a fixture: what we computed and what the reference did, in the same order. */
export interface Output {
  readonly name: string;
  readonly actual: ArrayLike<number>;
  readonly expected: ArrayLike<number>;
  readonly tolerance: Tolerance;
}

interface Errors {
  readonly maxAbs: number;
  readonly maxRelative: number;
  readonly nmse: number;
  readonly beyondOne: number;
}

const INFINITE: Errors = { maxAbs: Infinity, maxRelative: Infinity, nmse: Infinity, beyondOne: 1 };

/** Errors of an output; all infinite if lengths differ or a value is not finite where the reference's is, or is another. */
function errorsOf({ actual, expected }: Output): Errors {
  if (actual.length !== expected.length) return INFINITE;
  let maxAbs = 0;
  let largest = 0;
  let errorSquares = 0;
  let squares = 0;
  let beyond = 0;
  for (let i = 0; i < expected.length; i++) {
    if (!Number.isFinite(expected[i]!) && Object.is(actual[i], expected[i])) continue;
    const error = Math.abs(actual[i]! - expected[i]!);
    if (!Number.isFinite(error)) return INFINITE;
    maxAbs = Math.max(maxAbs, error);
    if (error > 1) beyond++;
    largest = Math.max(largest, Math.abs(expected[i]!));
    errorSquares += error * error;
    squares += expected[i]! * expected[i]!;
  }
  // Where zeros are expected, errors count as they are.
  return {
    maxAbs,
    maxRelative: maxAbs / (largest || 1),
    nmse: errorSquares / (squares || 1),
    beyondOne: beyond / (expected.length || 1),
  };
}

const BOUNDS: Readonly<Record<keyof Tolerance, string>> = {
  maxRelative: "largest error relative to the largest value",
  nmse: "normalised mean square error",
  beyondOne: "share of values that err by more than 1",
};

/** What is wrong with an output, if anything. */
function complaint({ name, actual, expected, tolerance }: Output, errors: Errors): string | undefined {
  if (actual.length !== expected.length) return `${name}: ${actual.length} values, expected ${expected.length}`;
  const over = (["maxRelative", "nmse", "beyondOne"] as const).find(
    (key) => !(errors[key] <= (tolerance[key] ?? Infinity)),
  );
  if (!over) return undefined;
  return `${name}: ${BOUNDS[over]} is ${errors[over].toExponential(1)}, allowed ${tolerance[over]!.toExponential(1)}`;
}

/** Sums up the outputs of a fixture; it passes if each keeps its tolerance and there is at least one. */
export function judge(name: string, kind: string, outputs: readonly Output[]): VerifyResult {
  if (outputs.length === 0) return failure(name, kind, "the fixture has no outputs to compare");
  const errors = outputs.map(errorsOf);
  const message = outputs.flatMap((output, i) => complaint(output, errors[i]!) ?? []).join("; ");
  return {
    name,
    kind,
    pass: message === "",
    maxAbs: Math.max(...errors.map(({ maxAbs }) => maxAbs)),
    nmse: Math.max(...errors.map(({ nmse }) => nmse)),
    ...(message !== "" && { message }),
  };
}

/** The result of a fixture that could not be run. */
export function failure(name: string, kind: string, message: string): VerifyResult {
  return { name, kind, pass: false, maxAbs: null, nmse: null, message };
}
