import { describe, expect, it } from "vitest";
import type { TimestepSpacing } from "../../../src/models/diffusers/config/ddpm-scheduler-config.js";
import { ddpmGrid } from "../../../src/models/diffusers/scheduler/ddpm-schedule.js";

const timesteps = (spacing: TimestepSpacing, count: number, train = 1000) =>
  ddpmGrid({ timesteps: train, spacing, offset: 0 }, count).map(({ timestep }) => timestep);

/** A checksum of the timesteps of all runs from 1 to 1000 steps. */
function checksum(spacing: TimestepSpacing): number {
  let sum = 0;
  for (let count = 1; count <= 1000; count++) {
    for (const [i, timestep] of timesteps(spacing, count).entries()) {
      sum = (sum + (i + 1) * ((count % 97) + 1) * timestep) % 1000003;
    }
  }
  return sum;
}

// Oracle: numpy 1.24 with the expressions of diffusers 0.37.1 (scheduling_ddpm.py), without timesteps of -1.
describe("timesteps", () => {
  it("are rounded as numpy's where they are nearly half", () => {
    expect(timesteps("trailing", 12, 50)).toEqual([49, 45, 41, 37, 32, 28, 24, 20, 16, 12, 7, 3]);
    expect(timesteps("trailing", 48).slice(0, 9)).toEqual([999, 978, 957, 936, 916, 895, 874, 853, 832]);
    expect(timesteps("linspace", 27).slice(0, 9)).toEqual([999, 961, 922, 884, 845, 807, 768, 730, 692]);
  });

  it.each([
    ["trailing", 159603],
    ["linspace", 848908],
  ] as const)("are numpy's in runs of any length, with the spacing %s", (spacing, sum) => {
    expect(checksum(spacing)).toBe(sum);
  });

  it("have none below 0, where the reference has a pass too many", () => {
    expect(timesteps("trailing", 61)).toHaveLength(61);
    expect(timesteps("trailing", 61).at(-1)).toBe(15);
  });
});
