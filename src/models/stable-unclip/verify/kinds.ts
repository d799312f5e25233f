import type { Runner } from "../../../fixture/runner.js";

/** The runners of fixtures of Stable unCLIP's parts. Those of whole pipelines are in src/verify. */
export const RUNNERS: ReadonlyMap<string, Runner> = new Map<string, Runner>([]);
