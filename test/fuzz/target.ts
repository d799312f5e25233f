import type { Inputs } from "./inputs.js";

/** The names of the errors by which this library refuses what it is given. Any other is a fault of ours. */
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

/** A part of the library that reads what others wrote, and the inputs it is tried with. */
export interface Target {
  /** Inputs that are run as they are, before all others: files that once did harm, and sound ones. */
  readonly seeds: readonly Uint8Array[];
  readonly inputs: Inputs;
  /** The errors by which it may refuse an input. */
  readonly refusals: readonly LibraryError[];
  /** Returns where the input is accepted; throws `Violation` where what it accepted breaks a promise. */
  readonly run: (input: Uint8Array) => void | Promise<void>;
}

/** Makes a target: its corpus is read and its first files are built only if it runs. */
export type TargetFactory = () => Target | Promise<Target>;

/** The library accepted an input and broke a promise about it. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** Throws `Violation` unless the promise holds. */
export function promise(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Violation(otherwise);
}
