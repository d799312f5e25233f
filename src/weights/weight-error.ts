import { Dalle2Error } from "../platform/dalle2-error.js";

/** A tensor whose shape in the checkpoint is not the one that the model needs. */
export interface Misshapen {
  readonly name: string;
  readonly got: readonly number[];
  readonly expected: readonly number[];
}

/** What does not fit between a checkpoint and the model that reads it; found before any payload is read. */
export interface WeightProblems {
  readonly missing: readonly string[];
  readonly unused: readonly string[];
  readonly misshapen: readonly Misshapen[];
}

/** A checkpoint does not fit the model: lists every missing, unused and misshapen tensor. */
export class WeightError extends Dalle2Error {
  override readonly name = "WeightError";

  constructor(
    readonly source: string,
    readonly problems: WeightProblems,
    /** What is known of the cause. */
    hint = "The model is built from the config and version beside the checkpoint; check both.",
  ) {
    super(`${source} does not fit the model: ${describeProblems(problems)}\n${hint}`);
  }
}

/** The problems in words, one line for each tensor. */
export function describeProblems({ missing, unused, misshapen }: WeightProblems): string {
  const lines = [
    `${missing.length} missing, ${unused.length} unused, ${misshapen.length} misshapen.`,
    ...missing.map((name) => `  missing    ${name}`),
    ...unused.map((name) => `  unused     ${name}`),
    ...misshapen.map(
      ({ name, got, expected }) =>
        `  misshapen  ${name}: [${got.join(", ")}] in the file, [${expected.join(", ")}] needed`,
    ),
  ];
  return lines.join("\n");
}
