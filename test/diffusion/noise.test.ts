import { describe, expect, it } from "vitest";
import { Generator } from "../../src/diffusion/generator.js";
import { NoiseOfPart, NoisePerImage } from "../../src/diffusion/noise.js";

const WIDTH = 16;

/** Row `row` of values. */
const rowOf = (values: Float32Array, row: number) => [...values.subarray(row * WIDTH, (row + 1) * WIDTH)];

describe("noise of a batch whose halves have rows for all images", () => {
  it("of one generator is a single draw", () => {
    const whole = new Generator(3).randn([6, WIDTH]);
    const part = new NoiseOfPart(new Generator(3), 3, 1, 3).randn([4, WIDTH], 2);
    // The second and third image: of the first half, then of the second.
    expect([0, 1, 2, 3].map((row) => rowOf(part, row))).toEqual([1, 2, 4, 5].map((row) => rowOf(whole, row)));
  });

  it("of a generator for each image is that of batches of one", () => {
    const seeds = [3, 4];
    const together = new NoisePerImage(seeds.map((seed) => new Generator(seed))).randn([8, WIDTH], 2);
    const alone = seeds.map((seed) => new Generator(seed).randn([4, WIDTH]));
    // Two candidates for each image.
    const expected = [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
      [0, 2],
      [0, 3],
      [1, 2],
      [1, 3],
    ].map(([image, row]) => rowOf(alone[image!]!, row!));
    expect(Array.from({ length: 8 }, (_, row) => rowOf(together, row))).toEqual(expected);
  });

  it("can be skipped", () => {
    const draws = (skips: boolean) => {
      const noise = new NoiseOfPart(new NoisePerImage([new Generator(1), new Generator(2)]), 2, 0, 1);
      if (skips) noise.skip([2, WIDTH], 2);
      else noise.randn([2, WIDTH], 2);
      return noise.randn([1, WIDTH]);
    };
    expect(draws(true)).toEqual(draws(false));
  });

  it("needs a row for each image in each half", () => {
    expect(() => new NoisePerImage([new Generator(1), new Generator(2)]).randn([2, WIDTH], 2)).toThrow(
      /divided equally/,
    );
    expect(() => new NoiseOfPart(new Generator(1), 2, 0, 2).randn([2, WIDTH], 2)).toThrow(/not a multiple/);
  });
});

describe("noise that images of one input share", () => {
  const inputs = [4, 4, 5, 5, 5];

  it("is drawn once for each input, however a batch is divided", () => {
    const whole = new Generator(3).randn([2, WIDTH]);
    const part = new NoiseOfPart(new Generator(3), 5, 1, 4, inputs).randnOfInputs([3, WIDTH]);
    expect([0, 1, 2].map((row) => rowOf(part, row))).toEqual([0, 1, 1].map((row) => rowOf(whole, row)));
  });

  it("leaves the generator where the reference's is", () => {
    const [noise, generator] = [new NoiseOfPart(new Generator(3), 5, 0, 5, inputs), new Generator(3)];
    noise.randnOfInputs([5, WIDTH]);
    generator.randn([2, WIDTH]);
    expect(noise.randn([5, 2])).toEqual(generator.randn([5, 2]));
  });
});
