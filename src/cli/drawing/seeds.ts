import { Option, type Command } from "commander";
import { randomSeed } from "../../pipeline/random-seed.js";
import { RANDOM_RULES, type RandomOptions } from "../../pipeline/randomness.js";
import { readByRule } from "../option-values.js";

/** What a command is told of the noise that it draws from. */
export interface SeedFlags {
  readonly seed?: number;
}

/** Adds the option of `SeedFlags`. */
export function addSeedOption(command: Command, help: string, fallback?: number): Command {
  return command.addOption(new Option("--seed <n>", help).argParser(seedNumber).default(fallback));
}

/** A seed. */
export function seedNumber(value: string): number {
  return readByRule(RANDOM_RULES.seed, value, "It is not a whole number from 0 to 2^53 - 1.");
}

/** `count` seeds: the one that was given, or a random one, and those that follow it. */
export function followingSeeds({ seed = randomSeed() }: SeedFlags, count: number): number[] {
  return Array.from({ length: count }, (_, i) => seed + i);
}

/** The seed of all images of a call. */
export function withSeed({ seed }: { readonly seed: number }): Pick<RandomOptions, "seed"> {
  return { seed };
}

/** A seed for each image, or input, of a call. */
export function withSeeds(each: readonly { readonly seed: number }[]): Pick<RandomOptions, "seeds"> {
  return { seeds: each.map(({ seed }) => seed) };
}
