import { checkFit, fitProblems, type FitOptions } from "./fit.js";
import type { WeightProblems } from "./weight-error.js";
import type { LoadOptions, WeightStore } from "./weight-store.js";

/** Stores that share a file, each of which can be loaded by itself. They are checked together. */
export class WeightSet {
  constructor(readonly stores: readonly [WeightStore, ...WeightStore[]]) {}

  /** The differences between the file and the stores; see `fitProblems`. */
  problems(): WeightProblems | undefined {
    return fitProblems(this.stores);
  }

  /** Throws `WeightError` if file and stores do not fit; see `checkFit`. */
  check(options: FitOptions = {}): void {
    checkFit(this.stores, options);
  }

  /** Checks all stores, then loads them. */
  async load(options: LoadOptions = {}): Promise<void> {
    this.check(options);
    for (const store of this.stores) await store.fill(options);
  }

  dispose(): void {
    for (const store of this.stores) store.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
