import { Dalle2Error } from "../platform/dalle2-error.js";

/** An operation was given a tensor or an option that it cannot work on. Thrown before anything is dispatched. */
export class ShapeError extends Dalle2Error {
  static override readonly code = "shape/mismatch";
  override readonly name = "ShapeError";

  static {
    this.register(this);
  }

  /** `got` and `expected` are shapes, or words where a shape does not say it. */
  constructor(
    /** The operation. */
    readonly op: string,
    /** What of it cannot be worked on. */
    readonly argument: string,
    got: readonly (number | string)[] | string,
    expected: readonly (number | string)[] | string,
  ) {
    super(`${op}: ${argument} is ${describe(got)}; expected ${describe(expected)}.`, {
      place: { operation: op, argument },
    });
  }
}

function describe(value: readonly (number | string)[] | string): string {
  return typeof value === "string" ? value : `[${value.join(", ")}]`;
}
