import type { Runner } from "../fixture/runner.js";
import { families } from "../models/families.js";
import { verifyPipeline } from "./pipeline.js";
import { verifyResize } from "./resize.js";
import { verifyRng } from "./rng.js";
import { verifyTokenizer } from "./tokenizer.js";

/** The runner of each kind of fixture that is no family's. */
const SHARED: readonly (readonly [kind: string, runner: Runner])[] = [
  ["pipeline", verifyPipeline],
  ["resize", verifyResize],
  ["rng", verifyRng],
  ["tokenizer", verifyTokenizer],
];

/** The runner of each kind of fixture that can be verified. */
export function runners(): ReadonlyMap<string, Runner> {
  return new Map([...SHARED, ...families().flatMap(({ verify }) => [...verify])]);
}
