import { Option, type Command } from "commander";
import { randomSeed } from "../../pipeline/random-seed.js";
import { RANDOM_RULES, type RandomOptions } from "../../pipeline/randomness.js";
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

/** A seed. */
export function seedNumber(value: string): number {
  return readByRule(RANDOM_RULES.seed, value, "It is not a whole number from 0 to 2^53 - 1.");
}

/** `count` seeds: the one that was given, or a random one, and those that follow it. */
export function followingSeeds({ seed = randomSeed() }: SeedFlags, count: number): Seeded[] {
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
