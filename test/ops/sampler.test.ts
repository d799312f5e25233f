import { afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  ddimNumbers,
  ddimStep,
  ddpmNumbers,
  ddpmStep,
  dpmppNumbers,
  dpmppStep,
  dynamicThreshold,
  guide,
  maskedBlend,
  predictX0,
  stepCombine,
  x0Numbers,
} from "../../src/ops/sampler.js";
import { ShapeError } from "../../src/ops/shape-error.js";
import { StepInputs } from "../../src/ops/step-inputs.js";
import type { Arena } from "../../src/tensor/arena.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { expectClose, openTestArena, Random, testableTypes } from "../support/gpu.js";
import { build, reader } from "../support/nd.js";
import { rounded } from "../support/rounded.js";

// All results are f32, and predictions are already rounded: a few roundings of 6e-8 each, relative to the largest
// value.
const CLOSE = { maxRelative: 1e-6 };

// Image embeddings, also with odd sizes, and images.
const shapes = [
  [1, 768],
  [3, 5],
  [2, 8, 8, 3],
  [1, 3, 5, 4],
  [2, 16, 16, 1],
  [1, 2, 2, 6],
];

describe.each(await testableTypes())("sampler with predictions in %s", (dtype: ComputeType) => {
  let arena: Arena;
  let inputs: StepInputs;
  beforeAll(async () => {
    arena = await openTestArena(dtype);
    // The numbers of the second of three passes must be used.
    inputs = new StepInputs(arena, 3);
    inputs.goTo(1);
  });
  afterEach(() => arena.checkGuards());

  const random = new Random(61);

  function make(shape: readonly number[], type: ComputeType = "f32", scale = 1) {
    const size = shape.reduce((product, axis) => product * axis, 1);
    const values = rounded(random.normals(size, scale), type);
    return { tensor: arena.from(values, shape, type), at: reader(values, shape) };
  }

  const channelsOf = (shape: readonly number[]) => shape.at(-1)!;
  const withChannels = (shape: readonly number[], channels: number) => [...shape.slice(0, -1), channels];

  test.each(shapes.map((shape) => ({ shape })))("guide to $shape", async ({ shape }) => {
    const [batch, ...rest] = shape as [number, ...number[]];
    const x = make([2 * batch, ...rest], dtype);
    for (const condScale of [0, 1, 1.7, 8]) {
      const y = guide(x.tensor, condScale);
      expect(y.shape).toEqual(shape);
      expect(y.dtype).toBe("f32");
      const expected = build(shape, (b, ...i) => {
        const unconditional = x.at(b + batch, ...i);
        return unconditional + (x.at(b, ...i) - unconditional) * condScale;
      });
      expectClose(await y.read(), expected, CLOSE);
    }
  });

  describe("predictX0", () => {
    // Numbers of a cosine schedule at timestep 500 of 1000.
    const objectives = [
      { name: "noise", scaleX: 1.4208, scalePrediction: -1.0094 },
      { name: "x0", scaleX: 0, scalePrediction: 1 },
      { name: "v", scaleX: 0.7038, scalePrediction: -0.7104 },
    ];
    const cases = shapes.flatMap((shape) => objectives.map((objective) => ({ shape, ...objective })));

    test.each(cases)("from $name, $shape", async ({ shape, scaleX, scalePrediction }) => {
      const x = make(shape);
      for (const channels of [channelsOf(shape), 2 * channelsOf(shape)]) {
        const prediction = make(withChannels(shape, channels), dtype);
        const value = (...i: number[]) => x.at(...i) * scaleX + prediction.at(...i) * scalePrediction;
        const numbers = x0Numbers(inputs, second({ x: scaleX, prediction: scalePrediction }, { x: 9, prediction: 9 }));
        const free = predictX0(x.tensor, prediction.tensor, numbers);
        expectClose(await free.read(), build(shape, value), CLOSE);
        const clamped = predictX0(x.tensor, prediction.tensor, numbers, { limit: 1 });
        const expected = build(shape, (...i) => Math.min(Math.max(value(...i), -1), 1));
        expectClose(await clamped.read(), expected, CLOSE);
      }
    });

    test("scales the sum of both terms, so that their small difference keeps its digits", async () => {
      const x = make([2, 4, 4, 3]);
      const prediction = make([2, 4, 4, 6], dtype);
      const numbers = x0Numbers(inputs, second({ x: 1, prediction: -0.5, scale: 20000 }, { x: 9, prediction: 9 }));
      const value = (...i: number[]) => (x.at(...i) - 0.5 * prediction.at(...i)) * 20000;
      expectClose(await predictX0(x.tensor, prediction.tensor, numbers).read(), build([2, 4, 4, 3], value), CLOSE);
    });

    test("refuses predictions of other shapes", () => {
      const x = make([2, 4, 4, 3]).tensor;
      const scales = x0Numbers(inputs, second({ x: 1, prediction: 1 }));
      expect(() => predictX0(x, make([2, 4, 4, 2]).tensor, scales)).toThrow(/prediction is \[2, 4, 4, 2\]/);
      expect(() => predictX0(x, make([2, 4, 3, 3]).tensor, scales)).toThrow(ShapeError);
      expect(() => predictX0(arena.from([1], [1, 1], "u32"), x, scales)).toThrow(/x is u32; expected f32/);
    });
  });

  describe("ddimStep", () => {
    const step = { recip: 1.4208, recipm1: 1.0094, scaleX0: 0.72, scaleEpsilon: 0.61, scaleNoise: 0.33 };
    const others = { recip: 7, recipm1: 7, scaleX0: 7, scaleEpsilon: 7, scaleNoise: 7 };
    const cases = shapes.flatMap((shape) =>
      (["derived", "predicted"] as const).flatMap((epsilon) =>
        [true, false].map((noisy) => ({ shape, epsilon, noisy })),
      ),
    );

    test.each(cases)("$shape with $epsilon epsilon, noise: $noisy", async ({ shape, epsilon, noisy }) => {
      const [x, x0, noise] = [make(shape), make(shape, "f32", 0.5), make(shape)];
      // The variance that may follow must not be read as epsilon.
      const prediction = make(withChannels(shape, 2 * channelsOf(shape)), dtype);
      const state = { x: x.tensor, x0: x0.tensor, noise: noisy ? noise.tensor : undefined };
      const numbers = ddimNumbers(inputs, second(step, others));
      const y = ddimStep(state, numbers, epsilon === "predicted" ? prediction.tensor : undefined);
      const expected = build(shape, (...i) => {
        const derived = (step.recip * x.at(...i) - x0.at(...i)) / step.recipm1;
        const used = epsilon === "derived" ? derived : prediction.at(...i);
        const added = noisy ? step.scaleNoise * noise.at(...i) : 0;
        return x0.at(...i) * step.scaleX0 + used * step.scaleEpsilon + added;
      });
      expectClose(await y.read(), expected, CLOSE);
    });

    test("refuses a state of mixed shapes", () => {
      const x = make([2, 8]).tensor;
      const numbers = ddimNumbers(inputs, second(step));
      const state = { x, x0: make([2, 4]).tensor };
      expect(() => ddimStep(state, numbers)).toThrow(/x0 is \[2, 4\]; expected \[2, 8\]/);
      expect(() => ddimStep({ x, x0: x, noise: make([1, 8]).tensor }, numbers)).toThrow(/noise is \[1, 8\]/);
    });

    test("refuses numbers of another operation", () => {
      const x = make([2, 8]).tensor;
      const numbers = x0Numbers(inputs, second({ x: 1, prediction: 1 }));
      expect(() => ddimStep({ x, x0: x }, numbers)).toThrow(/numbers is \[3, 3\]; expected \[passes, 5\]/);
    });
  });

  describe("ddpmStep", () => {
    const mean = { scaleX0: 0.013, scaleX: 0.984 };
    const bounds = { minLog: -5.2, maxLog: -4.9 };
    const others = { scaleX0: 7, scaleX: 7, minLog: 7, maxLog: 7 };

    test.each(shapes.map((shape) => ({ shape })))("$shape with fixed variance", async ({ shape }) => {
      const [x, x0, noise] = [make(shape), make(shape), make(shape)];
      const means = build(shape, (...i) => x0.at(...i) * mean.scaleX0 + x.at(...i) * mean.scaleX);
      const state = { x: x.tensor, x0: x0.tensor };
      const numbers = ddpmNumbers(inputs, second({ ...mean, minLog: -5.2, maxLog: -1 }, others));
      const last = ddpmStep(state, numbers);
      expectClose(await last.read(), means, CLOSE);
      const y = ddpmStep({ ...state, noise: noise.tensor }, numbers);
      const deviation = Math.exp(-2.6);
      const expected = build(shape, (...i) => deviation * noise.at(...i)).map((value, at) => value + means[at]!);
      expectClose(await y.read(), expected, CLOSE);
    });

    const learned = shapes.flatMap((shape) => [false, true].map((sigmoid) => ({ shape, sigmoid })));
    test.each(learned)("$shape with learned variance, sigmoid: $sigmoid", async ({ shape, sigmoid }) => {
      const [x, x0, noise] = [make(shape), make(shape), make(shape)];
      const channels = channelsOf(shape);
      const prediction = make(withChannels(shape, 2 * channels), dtype);
      const state = { x: x.tensor, x0: x0.tensor, noise: noise.tensor };
      const numbers = ddpmNumbers(inputs, second({ ...mean, ...bounds }, others));
      const y = ddpmStep(state, numbers, { prediction: prediction.tensor, sigmoid });
      const expected = build(shape, (...i) => {
        const raw = (prediction.at(...i.slice(0, -1), channels + i.at(-1)!) + 1) / 2;
        const fraction = sigmoid ? 1 / (1 + Math.exp(-raw)) : raw;
        const log = fraction * bounds.maxLog + (1 - fraction) * bounds.minLog;
        return x0.at(...i) * mean.scaleX0 + x.at(...i) * mean.scaleX + Math.exp(log / 2) * noise.at(...i);
      });
      expectClose(await y.read(), expected, CLOSE);
    });

    test("refuses a prediction without a variance", () => {
      const x = make([1, 2, 2, 3]).tensor;
      const numbers = ddpmNumbers(inputs, second({ ...mean, ...bounds }));
      const learned = { prediction: x, sigmoid: false };
      expect(() => ddpmStep({ x, x0: x, noise: x }, numbers, learned)).toThrow(
        /prediction is .*; expected .* 6 or more/,
      );
    });
  });
});

/** Returns the rows of three passes; the second is `row`. */
function second<T>(row: T, others: T = row): [T, T, T] {
  return [others, row, others];
}

describe("sampler state", () => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await openTestArena();
  });
  afterEach(() => arena.checkGuards());

  const random = new Random(62);

  test.each(shapes.map((shape) => ({ shape })))("dynamicThreshold of $shape", async ({ shape }) => {
    const size = shape.reduce((product, axis) => product * axis, 1);
    const values = random.normals(size, 2);
    // One threshold is below 1 and must count as 1.
    const thresholds = Array.from({ length: shape[0]! }, (_, sample) => (sample === 0 ? 0.25 : 1.5 + sample));
    const y = dynamicThreshold(arena.from(values, shape), arena.from(thresholds, [shape[0]!, 1]));
    const at = reader(values, shape);
    const expected = build(shape, (b, ...i) => {
      const s = Math.max(thresholds[b]!, 1);
      return Math.min(Math.max(at(b, ...i), -s), s) / s;
    });
    expectClose(await y.read(), expected, CLOSE);
    const limited = dynamicThreshold(arena.from(values, shape), arena.from(thresholds, [shape[0]!, 1]), { max: 1.25 });
    const expectedLimited = build(shape, (b, ...i) => {
      const s = Math.min(Math.max(thresholds[b]!, 1), 1.25);
      return Math.min(Math.max(at(b, ...i), -s), s) / s;
    });
    expectClose(await limited.read(), expectedLimited, CLOSE);
  });

  test("maskedBlend keeps known values, even if the others are not finite", async () => {
    const shape = [2, 3, 5, 3];
    const known = random.normals(90);
    const mask = Float32Array.from({ length: 30 }, () => random.integer(0, 1));
    const values = random.normals(90).map((value, i) => (mask[Math.floor(i / 3)] === 1 ? NaN : value));
    const y = maskedBlend(arena.from(values, shape), arena.from(known, shape), arena.from(mask, [2, 3, 5, 1]));
    const expected = Float32Array.from(values, (value, i) => (mask[Math.floor(i / 3)] === 1 ? known[i]! : value));
    expect([...(await y.read())]).toEqual([...expected]);
  });

  test("maskedBlend refuses a mask of another size", () => {
    const image = arena.from(new Float32Array(12), [1, 2, 2, 3]);
    expect(() => maskedBlend(image, image, arena.from([1, 1], [1, 2, 1, 1]))).toThrow(ShapeError);
    expect(() => maskedBlend(image, image, arena.from([1, 1, 1, 1], [1, 2, 2, 1], "u32"))).toThrow(/expected f32/);
  });

  test("guide copies channels that are not guided from the conditional half", async () => {
    const values = random.normals(2 * 2 * 4 * 6);
    const y = guide(arena.from(values, [4, 4, 6], "f32"), 3, 3);
    const at = reader(values, [4, 4, 6]);
    const expected = build([2, 4, 6], (b, i, c) => {
      const other = at(b + 2, i, c);
      return c < 3 ? other + (at(b, i, c) - other) * 3 : at(b, i, c);
    });
    expectClose(await y.read(), expected, CLOSE);
  });

  test.each(shapes.map((shape) => ({ shape })))("dpmppStep and stepCombine of $shape", async ({ shape }) => {
    using inputs = new StepInputs(arena, 3);
    const size = shape.reduce((product, axis) => product * axis, 1);
    const [x, x0, last] = [random.normals(size), random.normals(size), random.normals(size)];
    const [a, b, c] = [x, x0, last].map((values) => arena.from(values, shape, "f32")) as [Tensor, Tensor, Tensor];
    const rows = [0.3, 0.8, -1.2].map((scaleX, i) => ({ scaleX, scaleX0: 1.5 - i, scaleLast: i - 0.5 }));
    const numbers = dpmppNumbers(inputs, rows);
    const pairs = inputs.numbers(rows.map(({ scaleX, scaleX0 }) => [scaleX, scaleX0]));
    for (const [pass, { scaleX, scaleX0, scaleLast }] of rows.entries()) {
      inputs.goTo(pass);
      const solved = x.map((value, i) => value * scaleX + x0[i]! * scaleX0 + last[i]! * scaleLast);
      expectClose(await dpmppStep(a, b, c, numbers).read(), solved, CLOSE);
      const combined = x.map((value, i) => value * scaleX + x0[i]! * scaleX0);
      expectClose(await stepCombine(a, b, pairs).read(), combined, CLOSE);
    }
    expect(() => dpmppStep(a, b, arena.from([1], [1, 1], "f32"), numbers)).toThrow(/last is \[1, 1\]/);
  });

  test("guide refuses an odd batch", () => {
    expect(() => guide(arena.from(new Float32Array(12), [3, 4]), 2)).toThrow(ShapeError);
  });
});
