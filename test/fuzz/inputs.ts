import fc from "fast-check";
import { minimiseBytes } from "./runner/minimise.js";
import type { Random } from "./random.js";

/** True if an input still fails in the same way. */
export type Fails = (input: Uint8Array) => Promise<boolean>;

/** A source of inputs. Both functions use the same random numbers, so the minimised input is the generated one. */
export interface Inputs {
  readonly generate: (random: Random) => Uint8Array;
  /** A smaller input that fails; the generated one if there is none. */
  readonly minimise: (random: Random, fails: Fails) => Promise<Uint8Array>;
}

/** Inputs from a function, minimised byte by byte. */
export function made(generate: (random: Random) => Uint8Array): Inputs {
  return { generate, minimise: (random, fails) => minimiseBytes(generate(random), fails) };
}

/** Inputs from an arbitrary of fast-check, shrunk by it. */
export function drawn<Value>(arbitrary: fc.Arbitrary<Value>, encode: (value: Value) => Uint8Array): Inputs {
  const seedOf = (random: Random) => random.uint32() | 0;
  return {
    generate: (random) => encode(fc.sample(arbitrary, { seed: seedOf(random), numRuns: 1 })[0]!),
    async minimise(random, fails) {
      const seed = seedOf(random);
      const property = fc.asyncProperty(arbitrary, async (value) => !(await fails(encode(value))));
      const { counterexample } = await fc.check(property, { seed, numRuns: 1 });
      return encode(counterexample?.[0] ?? fc.sample(arbitrary, { seed, numRuns: 1 })[0]!);
    },
  };
}

/** Inputs of several kinds, in proportion to their weights. */
export function mixed(...kinds: readonly (readonly [weight: number, inputs: Inputs])[]): Inputs {
  const total = kinds.reduce((sum, [weight]) => sum + weight, 0);
  const choose = (random: Random): Inputs => {
    let left = random.below(total);
    return kinds.find(([weight]) => (left -= weight) < 0)![1];
  };
  return {
    generate: (random) => choose(random).generate(random),
    minimise: (random, fails) => choose(random).minimise(random, fails),
  };
}
