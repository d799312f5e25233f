// Values that the forms, links and kept drafts accept.
import { MAX_SEED, MAX_SIDE } from "dalle2-webgpu/requests";

/** Values from `least` to `most`. */
export interface Limits {
  readonly least: number;
  readonly most: number;
  readonly isWhole: boolean;
}

/** Limits of numbers by their name. */
export const LIMITS = {
  count: { least: 1, most: 64, isWhole: true },
  seed: { least: 0, most: MAX_SEED, isWhole: true },
  steps: { least: 1, most: 1000, isWhole: true },
  side: { least: 1, most: MAX_SIDE, isWhole: true },
  noiseLevel: { least: 0, most: 999, isWhole: true },
  condScale: { least: 0, most: 30, isWhole: false },
  interpolateFrames: { least: 2, most: 60, isWhole: true },
  editFrames: { least: 1, most: 60, isWhole: true },
  strength: { least: 0, most: 1, isWhole: false },
  candidates: { least: 1, most: 16, isWhole: true },
  resampleTimes: { least: 1, most: 20, isWhole: true },
  startAtUnetNumber: { least: 2, most: 9, isWhole: true },
} as const satisfies Readonly<Record<string, Limits>>;

/** Returns the value if it is a number within limits, otherwise undefined. */
export function numberWithin({ least, most, isWhole }: Limits, value: unknown): number | undefined {
  if (typeof value !== "number" || !(value >= least && value <= most)) return undefined;
  return isWhole && !Number.isInteger(value) ? undefined : value;
}

/** Says which values there are: "a whole number from 1 to 64". */
export function sayLimits({ least, most, isWhole }: Limits): string {
  return `a ${isWhole ? "whole " : ""}number from ${least} to ${most}`;
}

/** Returns a new seed. */
export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}
