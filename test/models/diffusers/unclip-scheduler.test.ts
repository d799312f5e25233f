import { describe, expect, it } from "vitest";
import { SamplingError } from "../../../src/diffusion/sampling-error.js";
import { unclipSchedulerOptions } from "../../../src/models/diffusers/config/unclip-scheduler-config.js";
import { unclipGrid, UnclipSchedule } from "../../../src/models/diffusers/scheduler/unclip-schedule.js";
import { stepNumbers, UnclipScheduler } from "../../../src/models/diffusers/scheduler/unclip-scheduler.js";
import { predictX0, x0Numbers } from "../../../src/ops/sampler.js";
import { StepInputs } from "../../../src/ops/step-inputs.js";
import { ArgumentError } from "../../../src/platform/arguments.js";
import { openTestArena } from "../../support/gpu.js";

const scheduler = (config: object = {}) => new UnclipScheduler(unclipSchedulerOptions(config, "scheduler_config.json"));
const timesteps = (count: number, train = 1000) => unclipGrid(train, count).map(({ timestep }) => timestep);

describe("timesteps", () => {
  it("round halves to even", () => {
    expect(timesteps(7)).toEqual([999, 832, 666, 500, 333, 166, 0]);
    expect(timesteps(2)).toEqual([999, 0]);
    expect(timesteps(3)).toEqual([999, 500, 0]);
  });

  it("are all of them, or only the last", () => {
    expect(timesteps(10, 10)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect(unclipGrid(1000, 1)).toEqual([{ timestep: 999, next: -1 }]);
  });

  it.each([2, 25, 998, 999, 1000])("fall in each of %s steps", (count) => {
    const grid = unclipGrid(1000, count);
    expect(grid.every(({ timestep, next }) => next < timestep)).toBe(true);
    expect(grid.at(-1)).toEqual({ timestep: 0, next: -1 });
  });
});

describe("the numbers of a step", () => {
  it("are rounded to f32, which shows at the last step", () => {
    const { scaleX0, scaleX } = stepNumbers(new UnclipSchedule(1000), { timestep: 0, next: -1 });
    expect(scaleX0).toBeCloseTo(0.99947232, 8);
    expect(scaleX).toBe(0);
  });

  it("have the stored beta between neighbours, and that of the ratio otherwise", () => {
    const schedule = new UnclipSchedule(1000);
    const { betas, alphasCumprod } = schedule.tables;
    expect(stepNumbers(schedule, { timestep: 500, next: 499 }).maxLog).toBe(Math.log(betas[500]!));
    const ratio = 1 - alphasCumprod[500]! / alphasCumprod[400]!;
    expect(stepNumbers(schedule, { timestep: 500, next: 400 }).maxLog).toBeCloseTo(Math.log(ratio), 6);
  });

  it("give a small x0 exactly where both terms are 20 000 times as large", async () => {
    const arena = await openTestArena();
    const { process } = scheduler();
    using inputs = new StepInputs(arena, 1);
    const numbers = x0Numbers(inputs, [process.schedule.x0From("noise", 999)]);
    // As the reference computes it, the difference of two equal f32 numbers is exactly 0.
    const values = Float32Array.from([0.1, -1.7, 3.3333333, 0.77]);
    using x = arena.from(values, [1, 4], "f32");
    using noise = arena.from(values, [1, 4], "f32");
    const zero = await predictX0(x, noise, numbers).read();
    for (const value of zero) expect(Math.abs(value)).toBeLessThan(1e-7);
  });
});

describe("the sampler", () => {
  it("draws at each timestep above 0, and is DDPM by default", () => {
    const { steps, canGoBack } = scheduler().sampler(undefined, 3, "the prior");
    expect(steps).toEqual([
      { timestep: 999, next: 500, noise: "added" },
      { timestep: 500, next: 0, noise: "added" },
      { timestep: 0, next: -1, noise: "none" },
    ]);
    expect(canGoBack).toBe(true);
  });

  it("of the solver has the same timesteps and no draws", () => {
    const { steps } = scheduler().sampler("dpmpp2m", 7, "U-Net 1");
    expect(steps.map(({ timestep }) => timestep)).toEqual(timesteps(7));
    expect(steps.every(({ noise }) => noise === "none")).toBe(true);
    expect(scheduler().sampler("dpmpp2m", 1, "U-Net 1").steps).toHaveLength(1);
  });

  it.each([
    ["ddpm", 1],
    ["ddpm", 1001],
    ["ddpm", 2.5],
    ["dpmpp2m", 0],
    ["dpmpp2m", 1001],
  ] as const)("of %s is refused with %s steps", (name, count) => {
    const sampler = () => scheduler().sampler(name, count, "U-Net 1");
    expect(sampler).toThrow(ArgumentError);
    expect(sampler).toThrow(
      `steps must be ${name === "ddpm" ? 2 : 1} to 1000 for U-Net 1 with "${name}", not ${count}.`,
    );
  });

  it("is refused by the name of one that is not defined, and names those that are", () => {
    const sampler = () => scheduler().sampler("ddim", 10, "the prior");
    expect(sampler).toThrow(SamplingError);
    expect(sampler).toThrow(/The sampler of the prior cannot be "ddim"/);
    expect(sampler).toThrow(/"ddpm" or "dpmpp2m"/);
  });
});

it("takes its options from the config, with defaults for absent keys and null", () => {
  expect(scheduler().options).toEqual({ timesteps: 1000, learnedVariance: false, objective: "noise", x0Limit: 1 });
  const given = {
    variance_type: "learned_range",
    prediction_type: "sample",
    clip_sample_range: 5,
    beta_schedule: null,
  };
  expect(scheduler(given).options).toEqual({ timesteps: 1000, learnedVariance: true, objective: "x0", x0Limit: 5 });
  expect(scheduler({ clip_sample: false }).x0Limit).toBeUndefined();
});
