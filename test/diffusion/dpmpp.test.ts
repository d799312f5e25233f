import { describe, expect, it } from "vitest";
import { denoise, type Denoiser } from "../../src/diffusion/denoise.js";
import { dpmpp2m, dpmppCoefficients } from "../../src/diffusion/dpmpp.js";
import { RecordedNoise, StateNoise } from "../../src/diffusion/noise.js";
import { evenGrid, type TimestepPair } from "../../src/diffusion/sampler.js";
import { NoiseSchedule } from "../../src/diffusion/schedule.js";
import { expectClose, openTestArena, Random } from "../support/gpu.js";

const schedule = NoiseSchedule.named("cosine", 1000);

function mix(timestep: number) {
  const bar = schedule.tables.alphasCumprod[timestep]!;
  return { alpha: Math.sqrt(bar), sigma: Math.sqrt(1 - bar), lambda: Math.log(Math.sqrt(bar) / Math.sqrt(1 - bar)) };
}

describe("DPM-Solver++ 2M on a Gaussian", () => {
  // For a normally distributed x0 the best prediction is known, and so is the solution of the probability flow ODE.
  const [mean, deviation] = [0.7, 0.4];
  const spread = ({ alpha, sigma }: { alpha: number; sigma: number }) => alpha ** 2 * deviation ** 2 + sigma ** 2;
  const predict = (x: number, timestep: number): number => {
    const { alpha, sigma } = mix(timestep);
    return mean + ((alpha * deviation ** 2) / spread({ alpha, sigma })) * (x - alpha * mean);
  };
  const exact = (x: number, from: number, to: number): number => {
    const [a, b] = [mix(from), mix(to)];
    return b.alpha * mean + (x - a.alpha * mean) * Math.sqrt(spread(b) / spread(a));
  };

  function solve(start: number, grid: readonly TimestepPair[]): number {
    let x = start;
    let last = 0;
    for (const [i, { scaleX, scaleX0, scaleLast }] of dpmppCoefficients(schedule, grid).entries()) {
      const x0 = predict(x, grid[i]!.timestep);
      x = x * scaleX + x0 * scaleX0 + last * scaleLast;
      last = x0;
    }
    return x;
  }

  const [from, to] = [900, 100];
  const error = (steps: number, order: 1 | 2): number => {
    const size = (from - to) / steps;
    const grid = Array.from({ length: steps }, (_, i) => ({ timestep: from - i * size, next: from - (i + 1) * size }));
    const first = (): number => grid.reduce((x, step) => solve(x, [step]), 1.3);
    return Math.abs((order === 1 ? first() : solve(1.3, grid)) - exact(1.3, from, to));
  };

  it("converges with order 2, and single steps with order 1", () => {
    const orders = (order: 1 | 2) => [25, 50, 100].map((n) => Math.log2(error(n, order) / error(2 * n, order)));
    for (const found of orders(2)) expect(found).toBeGreaterThan(1.7);
    for (const found of orders(1)) expect(Math.abs(found - 1)).toBeLessThan(0.2);
    expect(error(25, 2)).toBeLessThan(error(25, 1) / 5);
  });

  it("ends at the clean sample", () => {
    const grid = evenGrid(1000, 50);
    expect(grid[0]!.timestep).toBe(999);
    expect(grid.at(-1)).toEqual({ timestep: 0, next: -1 });
    expect(dpmppCoefficients(schedule, grid).at(-1)).toEqual({ scaleX: 0, scaleX0: 1, scaleLast: -0 });
    const sample = solve(0.5, grid);
    const { alpha, sigma } = mix(999);
    const expected = mean + (0.5 - alpha * mean) * Math.sqrt(deviation ** 2 / spread({ alpha, sigma }));
    expect(Math.abs(sample - expected)).toBeLessThan(5e-3);
  });

  it("does the last two steps without the previous step, so that few steps end near the solution", () => {
    for (const steps of [6, 12, 24]) {
      const grid = evenGrid(1000, steps);
      const scales = dpmppCoefficients(schedule, grid).map(({ scaleLast }) => Math.abs(scaleLast));
      expect(scales.slice(-2)).toEqual([0, 0]);
      for (const scale of scales.slice(1, -2)) expect(scale).toBeGreaterThan(0);
      expect(Math.max(...scales)).toBeLessThan(1);
    }
    const { alpha, sigma } = mix(999);
    for (const start of [-1.5, 0.5, 2]) {
      const expected = mean + (start - alpha * mean) * Math.sqrt(deviation ** 2 / spread({ alpha, sigma }));
      // Four times as far if the step to the first timestep were of second order.
      expect(Math.abs(solve(start, evenGrid(1000, 12)) - expected)).toBeLessThan(0.05);
    }
  });

  it("stays finite if a schedule begins with pure noise", () => {
    const jsd = NoiseSchedule.named("jsd", 20);
    const numbers = dpmppCoefficients(jsd, evenGrid(20, 5));
    for (const row of numbers) for (const value of Object.values(row)) expect(value).toSatisfy(Number.isFinite);
    expect(numbers.slice(0, 2).map(({ scaleLast }) => Math.abs(scaleLast))).toEqual([0, 0]);
  });
});

describe("DPM-Solver++ 2M on the GPU", () => {
  const shape = [2, 3, 3, 3];
  const size = 54;

  /** Algorithm 2 of the paper, in float64, with x0 clamped to ±1. */
  function oracle(
    start: Float32Array,
    grid: readonly TimestepPair[],
    x0At: (x: number, step: number, i: number) => number,
  ) {
    return Float64Array.from(start, (value, i) => {
      let x = value;
      let before: { h: number; x0: number } | undefined;
      for (const [step, { timestep, next }] of grid.entries()) {
        const [s, t] = [mix(timestep), mix(next)];
        const x0 = Math.min(Math.max(x0At(x, step, i), -1), 1);
        const h = t.lambda - s.lambda;
        const r = before && before.h / h;
        const d = before && r ? (1 + 1 / (2 * r)) * x0 - (1 / (2 * r)) * before.x0 : x0;
        x = (t.sigma / s.sigma) * x - t.alpha * Math.expm1(-h) * d;
        before = { h, x0 };
      }
      return x;
    });
  }

  const grid = evenGrid(1000, 7).slice(0, -1);
  const objectives = (["noise", "x0", "v"] as const).flatMap((objective) =>
    [3, 6].map((channels) => ({ objective, channels })),
  );

  it.each(objectives)("does each step with a predicted $objective of $channels channels", async (predicted) => {
    const { objective, channels } = predicted;
    const arena = await openTestArena();
    const random = new Random(17);
    const start = random.normals(size);
    const predictions = grid.map(() => random.normals((size / 3) * channels));
    for (let steps = 1; steps <= grid.length; steps++) {
      const taken = grid.slice(0, steps);
      let pass = 0;
      const model: Denoiser = {
        arena,
        name: "a test",
        process: { schedule, objective },
        sampler: dpmpp2m({ schedule, objective }, taken),
        selfCond: false,
        prepare: () => () => arena.from(predictions[pass++]!, [...shape.slice(0, -1), channels], "f32"),
        x0Limit: 1,
      };
      // Like a draw in torch's order.
      const planes = new Float32Array(size);
      for (let i = 0; i < size; i++) {
        const [sample, position, channel] = [Math.floor(i / 27), Math.floor(i / 3) % 9, i % 3];
        planes[sample * 27 + channel * 9 + position] = start[i]!;
      }
      using x = await denoise(model, { noise: new StateNoise(arena, new RecordedNoise([planes]), shape) });
      const expected = oracle(start, taken, (x, step, i) => {
        const value = predictions[step]![Math.floor(i / 3) * channels + (i % 3)]!;
        const { alpha, sigma } = mix(taken[step]!.timestep);
        if (objective === "noise") return (x - sigma * value) / alpha;
        return objective === "v" ? alpha * x - sigma * value : value;
      });
      expectClose(await x.read(), expected, { maxRelative: 1e-5 });
    }
    await arena.checkGuards();
  });
});
