import { ArgumentError } from "../../src/platform/arguments.js";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Generator } from "../../src/diffusion/generator.js";
import { NoiseOfPart, NoisePerImage } from "../../src/diffusion/noise.js";
import { floats, readTensors } from "../support/io.js";

interface Call {
  seed: number;
  index: number | "rand";
  op: "randn" | "rand";
  shape: number[];
}

const folder = new URL("../fixtures/rng/", import.meta.url);
const { calls } = JSON.parse(readFileSync(new URL("fixture.json", folder), "utf8")) as { calls: Call[] };
const expected = await readTensors(new URL("io.safetensors", folder));

// torch's vectorised log, sin and cos are float32 polynomials. They differ by one or two ulps for values up to 5.8.
const NORMAL_TOLERANCE = 2e-6;

describe("Generator", () => {
  it.each([...new Set(calls.map(({ seed }) => seed))])(
    "draws the same numbers as torch after manual_seed(%i)",
    (seed) => {
      const generator = new Generator(seed);
      for (const { index, op, shape } of calls.filter((call) => call.seed === seed)) {
        const name = `out.${seed}.${index}`;
        const reference = floats(expected, name);
        const drawn = op === "rand" ? generator.uniform(shape[0]!) : generator.randn(shape);
        expect(drawn).toHaveLength(reference.length);
        const errors = reference.map((value, i) => Math.abs(value - drawn[i]!));
        // Uniform values are integers over 2^24, so they are exact.
        expect(Math.max(...errors), name).toBeLessThanOrEqual(op === "rand" ? 0 : NORMAL_TOLERANCE);
      }
    },
  );

  it("uses the low 32 bits of a seed, as number or bigint", () => {
    const values = new Generator(7).normal(20);
    expect(new Generator(2 ** 32 + 7).normal(20)).toEqual(values);
    expect(new Generator(7n + (5n << 60n)).normal(20)).toEqual(values);
    expect(new Generator(8).normal(20)).not.toEqual(values);
    expect(new Generator(-1).normal(4)).toEqual(new Generator(0xffffffffn).normal(4));
  });

  it("keeps the spare value of a short call during a long one", () => {
    const generator = new Generator(3);
    const first = generator.normal(1)[0];
    generator.normal(16);
    const second = generator.normal(1)[0];
    expect([first, second]).toEqual([...new Generator(3).normal(2)]);
  });

  it.each([0, 3, 16, 20, 700, 5000, [2, 3, 50, 7]])("skips a draw of shape %j", (shape) => {
    const [drawn, skipped] = [new Generator(3), new Generator(3)];
    for (let i = 0; i < 3; i++) {
      drawn.randn(shape);
      skipped.skip(shape);
      expect(skipped.normal(21)).toEqual(drawn.normal(21));
      expect(skipped.normal(1)).toEqual(drawn.normal(1));
    }
  });

  it("skips the draws of a batch of images and of its parts", () => {
    const noise = () => new NoisePerImage([new Generator(1), new Generator(2)]);
    const [drawn, skipped, part] = [noise(), noise(), noise()];
    drawn.randn([2, 3, 5, 7]);
    skipped.skip([2, 3, 5, 7]);
    new NoiseOfPart(part, 2, 1, 2).skip([1, 3, 5, 7]);
    const expected = drawn.randn([4, 9]);
    for (const one of [skipped, part]) expect(one.randn([4, 9])).toEqual(expected);
  });

  it("returns nothing for an empty shape and draws nothing", () => {
    const generator = new Generator(3);
    expect(generator.randn([2, 0, 4])).toHaveLength(0);
    expect(generator.normal(20)).toEqual(new Generator(3).normal(20));
  });

  it.each([1.5, NaN, 2 ** 53])("refuses the seed %d", (seed) => {
    expect(() => new Generator(seed)).toThrow(ArgumentError);
  });

  it("draws 300000 normals quickly", () => {
    const start = performance.now();
    new Generator(1).normal(300_000);
    // About 25 ms on an idle core. The limit allows for a busy machine, but a slow algorithm fails.
    expect(performance.now() - start).toBeLessThan(500);
  });
});
