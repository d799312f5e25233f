import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { ddimStep, ddpmStep, dynamicThreshold, guide, maskedBlend, predictX0 } from "../../src/ops/sampler.js";
import { ShapeError } from "../../src/ops/shape-error.js";
import type { Arena } from "../../src/tensor/arena.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import { expectClose, openTestArena, Random, testableTypes } from "../support/gpu.js";
import { build, reader } from "../support/nd.js";
import { rounded } from "../support/rounded.js";

// All results are f32 whatever the predictions are, which are rounded before: a few roundings of 6e-8 each, relative to
// the largest value.
const CLOSE = { maxRelative: 1e-6 };

// Image embeddings, odd ones too, and images.
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
  beforeAll(async () => {
    arena = await openTestArena(dtype);
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
    // Numbers of a cosine schedule at t = 500 of 1000.
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
        const free = predictX0(x.tensor, prediction.tensor, { scaleX, scalePrediction });
        expectClose(await free.read(), build(shape, value), CLOSE);
        const clamped = predictX0(x.tensor, prediction.tensor, { scaleX, scalePrediction, limit: 1 });
        const expected = build(shape, (...i) => Math.min(Math.max(value(...i), -1), 1));
        expectClose(await clamped.read(), expected, CLOSE);
      }
    });

    test("refuses predictions of other shapes", () => {
      const x = make([2, 4, 4, 3]).tensor;
      const scales = { scaleX: 1, scalePrediction: 1 };
      expect(() => predictX0(x, make([2, 4, 4, 2]).tensor, scales)).toThrow(/prediction is \[2, 4, 4, 2\]/);
      expect(() => predictX0(x, make([2, 4, 3, 3]).tensor, scales)).toThrow(ShapeError);
      expect(() => predictX0(arena.from([1], [1, 1], "u32"), x, scales)).toThrow(/x is u32; expected f32/);
    });
  });

  describe("ddimStep", () => {
    const step = { recip: 1.4208, recipm1: 1.0094, scaleX0: 0.72, scaleEpsilon: 0.61, scaleNoise: 0.33 };
    const cases = shapes.flatMap((shape) =>
      (["derived", "predicted"] as const).flatMap((epsilon) =>
        [true, false].map((noisy) => ({ shape, epsilon, noisy })),
      ),
    );

    test.each(cases)("$shape with $epsilon epsilon, noise: $noisy", async ({ shape, epsilon, noisy }) => {
      const [x, x0, noise] = [make(shape), make(shape, "f32", 0.5), make(shape)];
      // The variance that may follow must not be read as epsilon.
      const prediction = make(withChannels(shape, 2 * channelsOf(shape)), dtype);
      const y = ddimStep(x.tensor, x0.tensor, noisy ? noise.tensor : undefined, {
        ...step,
        epsilon: epsilon === "predicted" ? prediction.tensor : undefined,
      });
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
      expect(() => ddimStep(x, make([2, 4]).tensor, undefined, step)).toThrow(/x0 is \[2, 4\]; expected \[2, 8\]/);
      expect(() => ddimStep(x, x, make([1, 8]).tensor, step)).toThrow(/noise is \[1, 8\]/);
    });
  });

  describe("ddpmStep", () => {
    const mean = { scaleX0: 0.013, scaleX: 0.984 };
    const bounds = { minLog: -5.2, maxLog: -4.9 };

    test.each(shapes.map((shape) => ({ shape })))("$shape with fixed variance", async ({ shape }) => {
      const [x, x0, noise] = [make(shape), make(shape), make(shape)];
      const means = build(shape, (...i) => x0.at(...i) * mean.scaleX0 + x.at(...i) * mean.scaleX);
      const last = ddpmStep(x.tensor, x0.tensor, undefined, { ...mean, logVariance: -5.2 });
      expectClose(await last.read(), means, CLOSE);
      const y = ddpmStep(x.tensor, x0.tensor, noise.tensor, { ...mean, logVariance: -5.2 });
      const deviation = Math.exp(-2.6);
      const expected = build(shape, (...i) => deviation * noise.at(...i)).map((value, at) => value + means[at]!);
      expectClose(await y.read(), expected, CLOSE);
    });

    const learned = shapes.flatMap((shape) => [false, true].map((sigmoid) => ({ shape, sigmoid })));
    test.each(learned)("$shape with learned variance, sigmoid: $sigmoid", async ({ shape, sigmoid }) => {
      const [x, x0, noise] = [make(shape), make(shape), make(shape)];
      const channels = channelsOf(shape);
      const prediction = make(withChannels(shape, 2 * channels), dtype);
      const logVariance = { prediction: prediction.tensor, ...bounds, sigmoid };
      const y = ddpmStep(x.tensor, x0.tensor, noise.tensor, { ...mean, logVariance });
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
      const logVariance = { prediction: x, ...bounds };
      expect(() => ddpmStep(x, x, x, { ...mean, logVariance })).toThrow(/prediction is .*; expected .* 6 or more/);
    });
  });
});

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
    // One threshold below 1, which counts as 1.
    const thresholds = Array.from({ length: shape[0]! }, (_, sample) => (sample === 0 ? 0.25 : 1.5 + sample));
    const y = dynamicThreshold(arena.from(values, shape), arena.from(thresholds, [shape[0]!, 1]));
    const at = reader(values, shape);
    const expected = build(shape, (b, ...i) => {
      const s = Math.max(thresholds[b]!, 1);
      return Math.min(Math.max(at(b, ...i), -s), s) / s;
    });
    expectClose(await y.read(), expected, CLOSE);
  });

  test("maskedBlend keeps what is known, even where the other side is not finite", async () => {
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

  test("guide refuses an odd batch", () => {
    expect(() => guide(arena.from(new Float32Array(12), [3, 4]), 2)).toThrow(ShapeError);
  });
});
