import { counted } from "../platform/counted.js";
import { Generator } from "../diffusion/generator.js";
import { ArgumentError, atMostOne, checkLength, exactWholeNumber, filledList } from "../platform/arguments.js";
import { NoiseOfPart, NoisePerImage, type NoiseSource } from "../diffusion/noise.js";
import type { Batch } from "./batches.js";
import { randomSeed } from "./random-seed.js";

/**
 * One generator for all images, used in the order of the reference; or one for each image, so that an image is the same in
 * any batch.
 */
export type Randomness = Generator | readonly Generator[];

/** Where the random numbers of a call come from: at most one of these. Default: one generator with a random seed. */
export interface RandomOptions {
  /** Generators to continue, so that several calls can share them. */
  readonly generator?: Randomness | undefined;
  /** Seed of one generator for all images. */
  readonly seed?: number | undefined;
  /** A seed for each image: image i is what the reference generates in a batch of 1 after `manual_seed(seeds[i])`. */
  readonly seeds?: readonly number[] | undefined;
}

/** Rules of these options, by name. */
export const RANDOM_RULES = { seed: exactWholeNumber, seeds: filledList(exactWholeNumber) };

/** Options of scripts whose images all start from the same noise. */
export type OneSeed<Options> = Omit<Options, "generator" | "seeds">;

/** Replaces the random options by generators. */
export function withGenerator<Options extends RandomOptions>(options: Options, generator: Randomness): Options {
  return { ...options, generator, seed: undefined, seeds: undefined };
}

/** Makes the generators that options ask for. Throws `ArgumentError` for more than one kind of them, and for invalid seeds. */
export function randomnessOf(options: RandomOptions): Randomness {
  const { generator, seeds } = options;
  atMostOne({ generator, seed: options.seed, seeds });
  if (generator !== undefined) return generator;
  if (seeds !== undefined) return RANDOM_RULES.seeds("seeds", seeds).map((one) => new Generator(one));
  return oneGenerator(options);
}

/** Throws `ArgumentError` unless there is one generator for all images, or one for each. */
export function checkRandomness(randomness: Randomness, images: number): void {
  if (randomness instanceof Generator || randomness.length === images) return;
  throw new ArgumentError(
    "seeds",
    `${counted(randomness.length, "seed or generator", "seeds or generators")} for ${counted(images, "image")}: give one for each.`,
    {
      code: "argument/mismatch",
    },
  );
}

/**
 * Returns the generators of the prior and of the decoder, for `samplesOfEach` images of each embedding. Without `priorSeeds`,
 * an embedding has the generator of its first image. With them, it has a generator with its own seed, and shares it with the
 * image of that seed. Throws `ArgumentError` if `priorSeeds` do not fit `seeds`.
 */
export function randomnessOfStages(
  randomness: Randomness,
  samplesOfEach: number,
  priorSeeds: readonly number[] | undefined,
): { readonly prior: Randomness; readonly decoder: Randomness } {
  if (randomness instanceof Generator) {
    if (priorSeeds === undefined) return { prior: randomness, decoder: randomness };
    const message = "priorSeeds needs seeds, one for each image.";
    throw new ArgumentError("priorSeeds", message, { code: "argument/missing" });
  }
  if (priorSeeds === undefined) {
    return { prior: randomness.filter((_, i) => i % samplesOfEach === 0), decoder: randomness };
  }
  checkLength("priorSeeds", priorSeeds, randomness.length / samplesOfEach);
  const prior = priorSeeds.map((seed, i) => {
    const images = randomness.slice(i * samplesOfEach, (i + 1) * samplesOfEach);
    return images.find((generator) => generator.seed === seed) ?? new Generator(seed);
  });
  return { prior, decoder: randomness };
}

/** Returns the seed of the generator of an embedding; undefined if all share one generator. */
export function priorSeedOf(prior: Randomness, embedding: number): number | undefined {
  return prior instanceof Generator ? undefined : prior[embedding]?.seed;
}

/** Returns a generator for each of `count` inputs: the same for all from `seed`, or one for each from `seeds`. */
export function generatorsOfInputs(options: Pick<RandomOptions, "seed" | "seeds">, count: number): Generator[] {
  const { seeds } = options;
  if (!seeds) return new Array<Generator>(count).fill(oneGenerator(options));
  atMostOne({ seed: options.seed, seeds });
  checkLength("seeds", seeds, count);
  return seeds.map((one) => new Generator(one));
}

/** Makes a generator for images that all start from the same noise. */
export function oneGenerator({ seed }: Pick<RandomOptions, "seed">): Generator {
  return new Generator(seed === undefined ? randomSeed() : RANDOM_RULES.seed("seed", seed));
}

/**
 * The noise of one batch. Its generators do not advance until the batch is done, so that parts of it can be repeated.
 *
 * @internal
 */
export class BatchNoise {
  /** One for all images, or one for each. */
  readonly #generators: readonly Generator[];
  readonly #isShared: boolean;
  readonly #images: number;
  readonly #inputs: readonly number[];
  /** The generators as they will be when the batch is done. */
  readonly #ends: Generator[] = [];

  /** `images` is the number of images of the whole call. Throws `ArgumentError` for another number of generators. */
  constructor(randomness: Randomness, { start, end, inputs }: Batch, images: number) {
    this.#images = end - start;
    this.#inputs = inputs;
    this.#isShared = randomness instanceof Generator;
    if (randomness instanceof Generator) {
      this.#generators = [randomness];
      return;
    }
    checkRandomness(randomness, images);
    this.#generators = randomness.slice(start, end);
  }

  /** Returns the noise of the images from `start` to `end`, as they get it when the whole batch is computed together. */
  part(start: number, end: number): NoiseSource {
    if (this.#isShared) {
      const fork = (this.#ends[0] = this.#generators[0]!.fork());
      return new NoiseOfPart(fork, this.#images, start, end, this.#inputs);
    }
    const forks = this.#generators.slice(start, end).map((generator) => generator.fork());
    for (const [i, fork] of forks.entries()) this.#ends[start + i] = fork;
    return new NoisePerImage(forks);
  }

  /** Advances the generators. Called when all parts are done. */
  finish(): void {
    for (const [i, end] of this.#ends.entries()) this.#generators[i]!.continueFrom(end);
  }
}

/** Copies generators, so that the copies advance alone. Of `samplesPerInput` generators for each input, copies the first. */
export function forkOf(randomness: Randomness, samplesPerInput = 1): Randomness {
  if (randomness instanceof Generator) return randomness.fork();
  return randomness.filter((_, i) => i % samplesPerInput === 0).map((generator) => generator.fork());
}

/** Where the random numbers of an image started. */
export interface NoiseOrigin {
  /**
   * Seed of its generator. If the call had `seeds`, it repeats this image alone. If all images shared one generator, it repeats
   * all images of the call, in the same batches.
   */
  readonly seed: number;
}

/** Returns the origin of the noise of an image, by its index in the call. */
export function originOf(randomness: Randomness, image: number): NoiseOrigin {
  const { seed } = randomness instanceof Generator ? randomness : randomness[image]!;
  return { seed };
}
