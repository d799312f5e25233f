import { Generator } from "../diffusion/generator.js";
import { NoisePerPicture, type NoiseSource } from "../diffusion/noise.js";
import type { Batch } from "./batches.js";

/**
 * One generator for all pictures, from which the reference's order draws; or one for each, which makes every picture what
 * it would be alone, however they are batched.
 */
export type Randomness = Generator | readonly Generator[];

/** Where a call takes its random numbers from; by default from a seed that nobody knows. */
export interface RandomOptions {
  /** Generators that go on from where they are: to share them among calls. */
  readonly generator?: Randomness | undefined;
  /** One generator with this seed. */
  readonly seed?: number | undefined;
  /** One generator per picture: picture i is what the reference makes alone, batch 1, after `manual_seed(seeds[i])`. */
  readonly seeds?: readonly number[] | undefined;
}

/** The generators that the options ask for. Throws RangeError where they ask for more than one kind. */
export function randomnessOf({ generator, seed, seeds }: RandomOptions): Randomness {
  if ([generator, seed, seeds].filter((given) => given !== undefined).length > 1) {
    throw new RangeError("Give one of generator, seed and seeds.");
  }
  if (generator !== undefined) return generator;
  if (seeds !== undefined) return seeds.map((one) => new Generator(one));
  return new Generator(seed ?? randomSeed());
}

/** A generator for pictures that are all to have the same noise. */
export function oneGenerator({ seed }: Pick<RandomOptions, "seed">): Generator {
  return new Generator(seed ?? randomSeed());
}

/** A seed that nobody knows. */
function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}

/** The noise of one batch of a call that makes `pictures` in all. Throws RangeError for another number of generators. */
export function noiseFor(randomness: Randomness, { start, end }: Batch, pictures: number): NoiseSource {
  if (randomness instanceof Generator) return randomness;
  if (randomness.length !== pictures) {
    throw new RangeError(`${randomness.length} seeds or generators were given for ${pictures} pictures.`);
  }
  return new NoisePerPicture(randomness.slice(start, end));
}

/** The seed that the generator of a picture began with. */
export function seedOf(randomness: Randomness, picture: number): number {
  return (randomness instanceof Generator ? randomness : randomness[picture]!).seed;
}
