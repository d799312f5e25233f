import type { Inputs } from "./inputs.js";

/** The names of the errors by which this library refuses input. Any other error is a bug. */
export type LibraryError =
  | "ConfigError"
  | "DialectError"
  | "FileError"
  | "FormatError"
  | "ImageDecodeError"
  | "PromptTooLongError"
  | "UnsupportedError"
  | "UsageError"
  | "WeightError";

/** A part of the library that reads foreign data, and the inputs to test it with. */
export interface Target {
  /** Inputs to run first, unchanged: files that once caused a failure, and valid ones. */
  readonly seeds: readonly Uint8Array[];
  readonly inputs: Inputs;
  /** The errors by which it may refuse an input. */
  readonly refusals: readonly LibraryError[];
  /** Returns if the input is accepted; throws `Violation` if what it accepted breaks a guarantee. */
  readonly run: (input: Uint8Array) => void | Promise<void>;
}

/** Makes a target. Its corpus and its first files are read only if it runs. */
export type TargetFactory = () => Target | Promise<Target>;

/** The library accepted an input and broke a guarantee. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** Throws `Violation` unless the guarantee holds. */
export function promise(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Violation(otherwise);
}
