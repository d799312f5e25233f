import * as z from "zod/mini";
import { Generator } from "../diffusion/generator.js";
import type { Runner } from "../fixture/runner.js";
import type { Output, Tolerance } from "../fixture/result.js";

const call = z.object({
  seed: z.int(),
  index: z.union([z.int(), z.string()]),
  op: z.enum(["randn", "rand"]),
  shape: z.array(z.int()),
});
const info = z.looseObject({ calls: z.array(call) });

/** torch's vectorised logarithm, sine and cosine differ in the last digits. */
const NORMALS: Tolerance = { maxRelative: 2e-6 };

/** Verifies the random numbers of torch's CPU generator. Calls with the same seed follow each other. */
export const verifyRng: Runner = async (fixture) => {
  const generators = new Map<number, Generator>();
  const outputs: Output[] = [];
  for (const { seed, index, op, shape } of fixture.info(info).calls) {
    const generator = generators.get(seed) ?? new Generator(seed);
    generators.set(seed, generator);
    const count = shape.reduce((product, size) => product * size, 1);
    const name = `${seed}.${index}`;
    const { data: expected } = await fixture.tensor(`out.${name}`);
    const actual = op === "randn" ? generator.normal(count) : generator.uniform(count);
    outputs.push({ name, actual, expected, tolerance: NORMALS });
  }
  return outputs;
};
