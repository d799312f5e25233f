import { InternalError } from "../../src/platform/internal-error.js";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { SamplingError } from "../../src/diffusion/sampling-error.js";
import { linspace, NoiseSchedule } from "../../src/diffusion/schedule.js";
import type { BetaScheduleName, ScheduleTables } from "../../src/diffusion/schedule.js";
import { floats, readTensors } from "../support/io.js";

const folder = new URL("../fixtures/schedules/", import.meta.url);
const { schedules } = JSON.parse(readFileSync(new URL("fixture.json", folder), "utf8")) as {
  schedules: [BetaScheduleName, number][];
};
const expected = await readTensors(new URL("io.safetensors", folder));

const TABLES: Record<string, keyof ScheduleTables> = {
  betas: "betas",
  alphas_cumprod: "alphasCumprod",
  sqrt_recip_alphas_cumprod: "sqrtRecipAlphasCumprod",
  sqrt_recipm1_alphas_cumprod: "sqrtRecipm1AlphasCumprod",
  posterior_log_variance_clipped: "posteriorLogVarianceClipped",
  posterior_mean_coef1: "posteriorMeanCoef1",
  posterior_mean_coef2: "posteriorMeanCoef2",
};

/** Returns the largest error relative to the value (absolute if it is below 1). Equal infinities are no error. */
function relativeError(actual: Float32Array, reference: Float32Array): number {
  const errors = reference.map((value, i) =>
    Object.is(value, actual[i]) ? 0 : Math.abs(value - actual[i]!) / Math.max(1, Math.abs(value)),
  );
  return Math.max(...errors);
}

describe("NoiseSchedule", () => {
  it.each(schedules)("%s with %i steps equals torch's buffers", (name, timesteps) => {
    const { tables } = NoiseSchedule.named(name, timesteps);
    for (const [buffer, table] of Object.entries(TABLES)) {
      const reference = floats(expected, `out.${name}.${timesteps}.${buffer}`);
      expect(tables[table]).toHaveLength(timesteps);
      // One float32 ulp: float64 logarithms and cosines may differ in the last bit before rounding.
      expect(relativeError(tables[table], reference), `${name} ${buffer}`).toBeLessThanOrEqual(1.2e-7);
    }
  });

  it.each(["linear", "quadratic", "sigmoid"] as const)("refuses %s schedules whose betas reach 1", (name) => {
    expect(() => NoiseSchedule.named(name, 19)).toThrow(SamplingError);
    expect(() => NoiseSchedule.named(name, 19)).toThrow(
      /with 19 timesteps has betas up to [^]*below 1\. Use more than 20/,
    );
    expect(NoiseSchedule.named(name, 21).timesteps).toBe(21);
  });

  it("refuses linear with 20 steps, whose last beta is 1", () => {
    expect(() => NoiseSchedule.named("linear", 20)).toThrow(SamplingError);
  });

  it("shifts the cumulative products by one timestep", () => {
    const { tables } = NoiseSchedule.named("cosine", 10);
    expect([...tables.alphasCumprodPrev]).toEqual([1, ...tables.alphasCumprod.slice(0, -1)]);
  });

  const schedule = NoiseSchedule.named("cosine", 100);
  const x0 = 0.3;
  const noise = -1.2;
  const noised = (t: number) => schedule.qSample(t).x0 * x0 + schedule.qSample(t).noise * noise;
  // The tables are float32 and the roots of 1/ᾱ - 1 lose digits, so round trips are accurate to about 1e-5.
  const digits = 4;

  it.each([0, 42, 97])("predicts the same x0 at %i from noise, v and x0", (t) => {
    const { x0: alpha, noise: sigma } = schedule.qSample(t);
    const predictions = { noise, v: alpha * noise - sigma * x0, x0 };
    for (const objective of ["noise", "v", "x0"] as const) {
      const { x, prediction } = schedule.x0From(objective, t);
      expect(x * noised(t) + prediction * predictions[objective]).toBeCloseTo(x0, digits);
    }
  });

  it("recovers the noise from x0", () => {
    const { x, divisor } = schedule.noiseFromX0(42);
    expect((x * noised(42) - x0) / divisor).toBeCloseTo(noise, digits);
  });

  it("noises from one timestep to a later one with the right mean and scale", () => {
    const { x, noise: scale } = schedule.qSampleFromTo(30, 31);
    expect(x * noised(30) + scale * noise).toBeCloseTo(noised(31), digits);
  });

  it("has the posterior of Ho et al. 2020, eq. 7", () => {
    const { betas, alphasCumprod: bar, alphasCumprodPrev: prev } = schedule.tables;
    const t = 42;
    const posterior = schedule.posterior(t);
    const variance = (betas[t]! * (1 - prev[t]!)) / (1 - bar[t]!);
    expect(posterior.x0).toBeCloseTo((Math.sqrt(prev[t]!) * betas[t]!) / (1 - bar[t]!), 6);
    expect(posterior.x).toBeCloseTo((Math.sqrt(1 - betas[t]!) * (1 - prev[t]!)) / (1 - bar[t]!), 6);
    expect(posterior.logVariance).toBeCloseTo(Math.log(variance), 5);
    expect(schedule.logBetas[t]).toBeCloseTo(Math.log(betas[t]!), 6);
  });

  it("refuses timesteps outside the schedule", () => {
    expect(() => schedule.qSample(100)).toThrow(/timestep 100 is not in a schedule of 100 timesteps/);
    expect(() => schedule.posterior(-1)).toThrow(InternalError);
  });
});

describe("linspace", () => {
  it("computes from the nearer end", () => {
    const values = linspace(0, 1, 11, Math.fround);
    expect(values[4]).toBe(Math.fround(Math.fround(0.1) * 4));
    expect(values[7]).toBe(Math.fround(1 - Math.fround(0.1) * 3));
    expect(values.at(-1)).toBe(1);
  });

  it("returns a single point", () => {
    expect(linspace(5, 1, 1)).toEqual([5]);
  });
});
