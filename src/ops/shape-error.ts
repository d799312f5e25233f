/** An operation was given a tensor or an option that it cannot work on. Thrown before anything is dispatched. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";

  /** `got` and `expected` are shapes, or words where a shape does not say it. */
  constructor(
    readonly op: string,
    readonly argument: string,
    got: readonly (number | string)[] | string,
    expected: readonly (number | string)[] | string,
  ) {
    super(`${op}: ${argument} is ${describe(got)}; expected ${describe(expected)}.`);
  }
}

function describe(value: readonly (number | string)[] | string): string {
  return typeof value === "string" ? value : `[${value.join(", ")}]`;
}
