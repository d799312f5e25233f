import type { TensorSource } from "./tensor-source.js";
import { describeProblems, WeightError, type WeightProblems } from "./weight-error.js";

/** Declared tensors that the file lacks, or has in another shape. */
export type Misfits = Pick<WeightProblems, "missing" | "misshapen">;

/** What has to fit its file: a `WeightStore`. */
export interface DeclaredWeights {
  readonly source: TensorSource;
  misfits(): Misfits;
  /** Whether a tensor of the file was declared or ignored. */
  knows(name: string): boolean;
}

export interface FitOptions {
  /** With false, tensors that do not fit are reported to `onWarning` and left at zero. Default true: a `WeightError`. */
  readonly strict?: boolean | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** What does not fit between a file and the stores that share it; unused is what none of them knows. Reads nothing. */
export function fitProblems(stores: readonly [DeclaredWeights, ...DeclaredWeights[]]): WeightProblems | undefined {
  const misfits = stores.map((store) => store.misfits());
  const missing = misfits.flatMap((one) => one.missing);
  const misshapen = misfits.flatMap((one) => one.misshapen);
  const names = [...stores[0].source.tensors.keys()];
  const unused = names.filter((name) => !stores.some((store) => store.knows(name)));
  if (missing.length + unused.length + misshapen.length === 0) return undefined;
  return { missing, unused, misshapen };
}

/**
 * Throws `WeightError` where a declared tensor is missing or has another shape, or where the file holds tensors that
 * nobody declared or ignored; with `strict` false they are reported to `onWarning`.
 */
export function checkFit(
  stores: readonly [DeclaredWeights, ...DeclaredWeights[]],
  { strict = true, onWarning }: FitOptions = {},
): void {
  const problems = fitProblems(stores);
  if (!problems) return;
  const { name } = stores[0].source;
  if (strict) throw new WeightError(name, problems);
  onWarning?.(`${name}: ${describeProblems(problems)}`);
}
