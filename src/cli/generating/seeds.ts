import { Option, type Command } from "commander";
import { randomSeed } from "../../pipeline/random-seed.js";
import { RANDOM_RULES, type RandomOptions } from "../../pipeline/randomness.js";
import { counted } from "../../platform/counted.js";
import { UsageError } from "../errors.js";
import { readByRule } from "../option-values.js";

// All code of the commands that handles seeds is here; other files only pass its results on.

/** The flag for the seed. */
export interface SeedFlags {
  readonly seed?: number;
}

/** Anything with a seed: an image that is planned, generated, reported or recorded. */
export type Seeded = Required<SeedFlags>;

/** Adds the option of `SeedFlags`. */
export function addSeedOption(command: Command, help: string, fallback?: number): Command {
  return command.addOption(new Option("--seed <n>", help).argParser(seedNumber).default(fallback));
}

/** Reads a seed; -1 means a random seed, as in other tools. */
export function seedNumber(value: string): number {
  if (value.trim() === "-1") return randomSeed();
  return readByRule(RANDOM_RULES.seed, value, "It is not a whole number from 0 to 2^53 - 1, or -1 for a random seed.");
}

/** Throws `UsageError` if the last of `count` seeds, counted from the given one, would be too large. */
export function checkSeeds({ seed = 0 }: SeedFlags, count: number): void {
  const most = Number.MAX_SAFE_INTEGER;
  if (seed <= most - (count - 1)) return;
  throw new UsageError(
    `--seed ${seed} is too large for ${counted(count, "image")} with consecutive seeds: the largest seed is 2^53 - 1. Use at most --seed ${most - (count - 1)}.`,
  );
}

/** `count` consecutive seeds, from the given one or from a random one. */
export function followingSeeds({ seed = randomSeed() }: SeedFlags, count: number): Seeded[] {
  checkSeeds({ seed }, count);
  return Array.from({ length: count }, (_, i) => ({ seed: seed + i }));
}

/** Only the seed of an object, for flags, call options and reports. */
export function seedOf({ seed }: Seeded): Seeded {
  return { seed };
}

/** A seed for each image, or input, of a call. */
export function seedsOf(each: readonly Seeded[]): Pick<RandomOptions, "seeds"> {
  return { seeds: each.map(({ seed }) => seed) };
}

/** A name followed by the seed. */
export function nameWithSeed(name: string, { seed }: Seeded): string {
  return `${name}-${seed}`;
}

/** The seed, for people. */
export function describeSeed({ seed }: Seeded): string {
  return `seed ${seed}`;
}
