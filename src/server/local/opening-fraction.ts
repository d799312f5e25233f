import type { LoadProgress } from "../../pipeline/manager/loading-options.js";
import type { WarmupProgress } from "../../pipeline/manager/warmup.js";

/** Shares of the stages in the time of an opening, about as they are. */
const SHARES = { download: 6, weights: 1, kernels: 2 };

type Stage = keyof typeof SHARES;

/** Adds up what is reported while a model is opened: downloads, weights and kernels, which may overlap. */
export class OpeningFraction {
  /** Of each file and component: what is done, and all. */
  readonly #parts: Readonly<Record<Stage, Map<string, readonly [done: number, all: number]>>> = {
    download: new Map(),
    weights: new Map(),
    kernels: new Map(),
  };
  #fraction = 0;

  /** `onFraction` is called with the share that is done, 0 to 1, whenever it has grown. */
  constructor(private readonly onFraction: (fraction: number) => void) {}

  load({ file, component, loadedBytes, totalBytes }: LoadProgress): void {
    // A server need not say how long a file is.
    const all = totalBytes ?? Infinity;
    this.#add(component === undefined ? "download" : "weights", component ?? file, [loadedBytes, all]);
  }

  compile({ compiledKernels, totalKernels }: WarmupProgress): void {
    this.#add("kernels", "", [compiledKernels, totalKernels]);
  }

  #add(stage: Stage, name: string, part: readonly [number, number]): void {
    this.#parts[stage].set(name, part);
    const stages = (Object.keys(SHARES) as Stage[]).filter((one) => one !== "download" || this.#parts[one].size > 0);
    const all = stages.reduce((sum, one) => sum + SHARES[one], 0);
    const done = stages.reduce((sum, one) => sum + SHARES[one] * shareOf([...this.#parts[one].values()]), 0);
    if (done / all <= this.#fraction) return;
    this.#fraction = done / all;
    this.onFraction(this.#fraction);
  }
}

function shareOf(parts: readonly (readonly [done: number, all: number])[]): number {
  const sum = (index: 0 | 1) => parts.reduce((total, part) => total + part[index], 0);
  return Math.min(sum(0) / Math.max(sum(1), 1), 1);
}
