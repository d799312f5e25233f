import type { TensorSource } from "./tensor-source.js";
import { describeProblems, WeightError, type WeightProblems } from "./weight-error.js";

/** Declared tensors that are missing in the file or have another shape. */
export type Misfits = Pick<WeightProblems, "missing" | "misshapen">;

/** Declarations to compare with a file: those of a `WeightStore`. */
export interface WeightRequirements {
  readonly source: TensorSource;
  misfits(): Misfits;
  /** True if a tensor of the file was declared or ignored. */
  knows(name: string): boolean;
}

export interface FitOptions {
  /** If false, tensors that do not fit are reported to `onWarning` and left at zero. Default true: throws `WeightError`. */
  readonly strict?: boolean | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * The differences between a file and the stores that share it. Unused tensors are those that no store knows. Reads no data.
 */
export function fitProblems(
  stores: readonly [WeightRequirements, ...WeightRequirements[]],
): WeightProblems | undefined {
  const { tensors, namesInFile = (name: string) => [name] } = stores[0].source;
  const misfits = stores.map((store) => store.misfits());
  const needed = misfits.flatMap((one) => one.missing).flatMap(namesInFile);
  const left = [...tensors.keys()].filter((name) => !stores.some((store) => store.knows(name))).flatMap(namesInFile);
  const { missing, unused } = withoutParts({ missing: needed, unused: left });
  const misshapen = misfits
    .flatMap((one) => one.misshapen)
    .map((one) => ({ ...one, name: namesInFile(one.name).join(" + ") }));
  if (missing.length + unused.length + misshapen.length === 0) return undefined;
  return { missing, unused, misshapen };
}

type MissingAndUnused = Pick<WeightProblems, "missing" | "unused">;

/** Leaves out tensors that are in the file, but without others that they are joined with, unless no other problem is left. */
function withoutParts(all: MissingAndUnused): MissingAndUnused {
  const [needed, left] = [new Set(all.missing), new Set(all.unused)];
  const missing = all.missing.filter((name) => !left.has(name));
  const unused = all.unused.filter((name) => !needed.has(name));
  return missing.length + unused.length > 0 ? { missing, unused } : all;
}

/**
 * Throws `WeightError` if a declared tensor is missing or has another shape, or if the file has tensors that nobody declared
 * or ignored. If `strict` is false, they are reported to `onWarning` instead.
 */
export function checkFit(
  stores: readonly [WeightRequirements, ...WeightRequirements[]],
  { strict = true, onWarning }: FitOptions = {},
): void {
  const problems = fitProblems(stores);
  if (!problems) return;
  const { name } = stores[0].source;
  if (strict) throw new WeightError(name, problems);
  onWarning?.(`${name}: ${describeProblems(problems)}`);
}
