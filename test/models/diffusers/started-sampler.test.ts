import { expect, it } from "vitest";
import { ddpmSchedulerOptions } from "../../../src/models/diffusers/config/ddpm-scheduler-config.js";
import { DdpmScheduler } from "../../../src/models/diffusers/scheduler/ddpm-scheduler.js";
import { startedSampler } from "../../../src/models/diffusers/scheduler/started-sampler.js";
import { ArgumentError } from "../../../src/platform/arguments.js";

const scheduler = new DdpmScheduler(ddpmSchedulerOptions({}, "scheduler_config.json"));
const steps = (count: number, strength: number) =>
  startedSampler(scheduler.sampler(undefined, count, "the U-Net"), strength, "the U-Net").steps.map(
    ({ timestep }) => timestep,
  );

// Oracle: int(num_inference_steps * strength) of Python, as in diffusers 0.37.1 (pipeline_kandinsky2_2_img2img.py).
it.each([
  [100, 0.29, 28],
  [100, 0.57, 56],
  [50, 0.58, 28],
  [25, 0.28, 7],
  [20, 0.55, 11],
  [10, 0.7, 7],
  [4, 1, 4],
])("leaves of %s steps with a strength of %s the last %s", (count, strength, left) => {
  const timesteps = steps(count, strength);
  expect(timesteps).toHaveLength(left);
  expect(timesteps).toEqual(steps(count, 1).slice(-left));
});

it("refuses a strength that leaves no step, or is none", () => {
  expect(() => steps(4, 0.2)).toThrow(/A strength of 0.2 leaves none of the 4 steps of the U-Net/);
  expect(() => steps(4, 1.5)).toThrow(ArgumentError);
});
