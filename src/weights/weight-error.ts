import { Dalle2Error } from "../platform/dalle2-error.js";
import type { CodeOf } from "../platform/error-codes.js";

/** A tensor whose shape in the checkpoint is not the one that the model needs. */
export interface Misshapen {
  /** The tensor's name. */
  readonly name: string;
  /** Its shape in the checkpoint. */
  readonly got: readonly number[];
  /** The shape that the model needs. */
  readonly expected: readonly number[];
}

/** What does not fit between a checkpoint and the model that reads it; found before any payload is read. */
export interface WeightProblems {
  /** Names of tensors that the model needs and the checkpoint lacks. */
  readonly missing: readonly string[];
  /** Names of tensors that the checkpoint has and the model does not use. */
  readonly unused: readonly string[];
  /** Tensors of another shape. */
  readonly misshapen: readonly Misshapen[];
}

/** A checkpoint does not fit the model: lists every missing, unused and misshapen tensor. */
export class WeightError extends Dalle2Error {
  static override readonly code = "weights/missing-tensors";
  override readonly name = "WeightError";

  static {
    this.register(this);
  }

  constructor(
    /** Path or URL of the checkpoint. */
    readonly source: string,
    /** All that does not fit. */
    readonly problems: WeightProblems,
    /** What is known of the cause, or what to do. */
    hint = "The model is built from the config and version beside the checkpoint; check both.",
  ) {
    const { missing, misshapen, unused } = problems;
    super(`${source} does not fit the model: ${describeProblems(problems)}\n${hint}`, {
      code: codeOf(problems),
      place: { file: source, tensor: missing[0] ?? misshapen[0]?.name ?? unused[0] },
    });
  }
}

/** By the worst of what does not fit. */
function codeOf({ missing, misshapen }: WeightProblems): CodeOf<"WeightError"> {
  if (missing.length > 0) return "weights/missing-tensors";
  return misshapen.length > 0 ? "weights/misshapen-tensors" : "weights/unused-tensors";
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
