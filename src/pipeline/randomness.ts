import { counted } from "../platform/counted.js";
import { Generator } from "../diffusion/generator.js";
import { ArgumentError, atMostOne, checkLength, exactWholeNumber, filledList } from "../platform/arguments.js";
import { NoiseOfPart, NoisePerImage, type NoiseSource } from "../diffusion/noise.js";
import type { Batch } from "./batches.js";
import { randomSeed } from "./random-seed.js";

/**
 * One generator for all images, from which the reference's order draws; or one for each, which makes every image what
 * it would be alone, however they are batched.
 */
export type Randomness = Generator | readonly Generator[];

/** Where a call takes its random numbers from; by default from a seed that nobody knows. */
export interface RandomOptions {
  /** Generators that go on from where they are: to share them among calls. */
  readonly generator?: Randomness | undefined;
  /** One generator with this seed. */
  readonly seed?: number | undefined;
  /** One generator per image: image i is what the reference makes alone, batch 1, after `manual_seed(seeds[i])`. */
  readonly seeds?: readonly number[] | undefined;
}

/** What is allowed of these options, by their names. */
export const RANDOM_RULES = { seed: exactWholeNumber, seeds: filledList(exactWholeNumber) };

/** Options of scripts whose images all have the same noise. */
export type OneSeed<Options> = Omit<Options, "generator" | "seeds">;

/** Options with generators in place of what asked for them. */
export function withGenerator<Options extends RandomOptions>(options: Options, generator: Randomness): Options {
  return { ...options, generator, seed: undefined, seeds: undefined };
}

/** The generators that the options ask for. Throws `ArgumentError` where they ask for more than one kind, or by a seed that is none. */
export function randomnessOf(options: RandomOptions): Randomness {
  const { generator, seeds } = options;
  atMostOne({ generator, seed: options.seed, seeds });
  if (generator !== undefined) return generator;
  if (seeds !== undefined) return RANDOM_RULES.seeds("seeds", seeds).map((one) => new Generator(one));
  return oneGenerator(options);
}

/** Throws `ArgumentError` unless there is one generator for all, or one for each of `images`. */
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
 * What the prior and then the decoder draw from, for `samplesOfEach` images of each embedding. Without `priorSeeds`, an
 * embedding has the generator of its first image. With them, it has a generator with its own seed, which it shares with
 * the image of that seed. Throws `ArgumentError` where seeds of embeddings do not fit those of images.
 */
export function randomnessOfStages(
  randomness: Randomness,
  samplesOfEach: number,
  priorSeeds: readonly number[] | undefined,
): { readonly prior: Randomness; readonly decoder: Randomness } {
  if (randomness instanceof Generator) {
    if (priorSeeds === undefined) return { prior: randomness, decoder: randomness };
    const message = "priorSeeds go with seeds, one for each image; seeds is missing.";
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

/** Seed of the generator of an embedding; undefined where all share one. */
export function priorSeedOf(prior: Randomness, embedding: number): number | undefined {
  return prior instanceof Generator ? undefined : prior[embedding]?.seed;
}

/** A generator for each of `count` inputs: of one seed for all, or of a seed for each. */
export function generatorsOfInputs(options: Pick<RandomOptions, "seed" | "seeds">, count: number): Generator[] {
  const { seeds } = options;
  if (!seeds) return new Array<Generator>(count).fill(oneGenerator(options));
  atMostOne({ seed: options.seed, seeds });
  checkLength("seeds", seeds, count);
  return seeds.map((one) => new Generator(one));
}

/** A generator for images that are all to have the same noise. */
export function oneGenerator({ seed }: Pick<RandomOptions, "seed">): Generator {
  return new Generator(seed === undefined ? randomSeed() : RANDOM_RULES.seed("seed", seed));
}

/**
 * The noise of one batch. Its generators stay where they are until it is done, so that parts of it can be drawn anew.
 *
 * @internal
 */
export class BatchNoise {
  /** One for all, or one for each image. */
  readonly #generators: readonly Generator[];
  readonly #isShared: boolean;
  readonly #images: number;
  /** Where the generators will be when the batch is done. */
  readonly #ends: Generator[] = [];

  /** For a call that makes `images` in all. Throws `ArgumentError` for another number of generators. */
  constructor(randomness: Randomness, { start, end }: Pick<Batch, "start" | "end">, images: number) {
    this.#images = end - start;
    this.#isShared = randomness instanceof Generator;
    if (randomness instanceof Generator) {
      this.#generators = [randomness];
      return;
    }
    checkRandomness(randomness, images);
    this.#generators = randomness.slice(start, end);
  }

  /** The noise of its images from `start` to `end`: what they get when the batch is computed at once. */
  part(start: number, end: number): NoiseSource {
    if (this.#isShared) {
      const fork = (this.#ends[0] = this.#generators[0]!.fork());
      return new NoiseOfPart(fork, this.#images, start, end);
    }
    const forks = this.#generators.slice(start, end).map((generator) => generator.fork());
    for (const [i, fork] of forks.entries()) this.#ends[start + i] = fork;
    return new NoisePerImage(forks);
  }

  /** Moves the generators on, when all parts are done. */
  finish(): void {
    for (const [i, end] of this.#ends.entries()) this.#generators[i]!.continueFrom(end);
  }
}

/** The same that goes on by itself; of generators for `samplesPerInput` images of each input, the first for each. */
export function forkOf(randomness: Randomness, samplesPerInput = 1): Randomness {
  if (randomness instanceof Generator) return randomness.fork();
  return randomness.filter((_, i) => i % samplesPerInput === 0).map((generator) => generator.fork());
}

/** Where the random numbers of an image began. */
export interface NoiseOrigin {
  /**
   * Seed that its generator began with. It repeats the image alone where the call was given `seeds`, and all images of
   * the call, with the same batches, where they shared a generator.
   */
  readonly seed: number;
}

/** Where those of an image of a call began. */
export function originOf(randomness: Randomness, image: number): NoiseOrigin {
  const { seed } = randomness instanceof Generator ? randomness : randomness[image]!;
  return { seed };
}
