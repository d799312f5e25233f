import { Option, type Command } from "commander";
import { randomSeed } from "../../pipeline/random-seed.js";
import { RANDOM_RULES, type RandomOptions } from "../../pipeline/randomness.js";
import { counted } from "../../platform/counted.js";
import { UsageError } from "../errors.js";
import { readByRule } from "../option-values.js";

// The one file of commands that knows seeds: others hand on what it gives.

/** What a command is told of the noise that it draws from. */
export interface SeedFlags {
  readonly seed?: number;
}

/** What has a seed: an image that is planned, drawn, reported or recorded. */
export type Seeded = Required<SeedFlags>;

/** Adds the option of `SeedFlags`. */
export function addSeedOption(command: Command, help: string, fallback?: number): Command {
  return command.addOption(new Option("--seed <n>", help).argParser(seedNumber).default(fallback));
}

/** A seed; -1 stands for a random one, as in other tools. */
export function seedNumber(value: string): number {
  if (value.trim() === "-1") return randomSeed();
  return readByRule(RANDOM_RULES.seed, value, "It is not a whole number from 0 to 2^53 - 1, or -1 for a random one.");
}

/** Throws `UsageError` where the last of `count` seeds from the one that was given would be no seed. */
export function checkSeeds({ seed = 0 }: SeedFlags, count: number): void {
  const most = Number.MAX_SAFE_INTEGER;
  if (seed <= most - (count - 1)) return;
  throw new UsageError(
    `--seed ${seed}: it is too large for ${counted(count, "image")}, each of which has the next seed. The largest seed is 2^53 - 1, so give --seed ${most - (count - 1)} at most.`,
  );
}

/** `count` seeds: the one that was given, or a random one, and those that follow it. */
export function followingSeeds({ seed = randomSeed() }: SeedFlags, count: number): Seeded[] {
  checkSeeds({ seed }, count);
  return Array.from({ length: count }, (_, i) => ({ seed: seed + i }));
}

/** The seed of something, and nothing else of it: as a flag, as the option of a call, and in reports. */
export function seedOf({ seed }: Seeded): Seeded {
  return { seed };
}

/** A seed for each image, or input, of a call. */
export function seedsOf(each: readonly Seeded[]): Pick<RandomOptions, "seeds"> {
  return { seeds: each.map(({ seed }) => seed) };
}

/** A name that tells the seed too. */
export function nameWithSeed(name: string, { seed }: Seeded): string {
  return `${name}-${seed}`;
}

/** The seed, for people. */
export function describeSeed({ seed }: Seeded): string {
  return `seed ${seed}`;
}
