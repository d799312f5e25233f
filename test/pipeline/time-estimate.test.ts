import { expect, it } from "vitest";
import { batchesOf } from "../../src/pipeline/batches.js";
import { TimeEstimate, type NetworkWork, type WorkPlan } from "../../src/pipeline/time-estimate.js";
import { Reporter } from "../../src/pipeline/reporter.js";
import type { ScriptProgress } from "../../src/pipeline/script-options.js";

function planOf(rows: Record<string, number | NetworkWork>): WorkPlan {
  return new Map(Object.entries(rows).map(([name, one]) => [name, typeof one === "number" ? { rows: one } : one]));
}

/** An estimate with a clock that the steps advance. */
function timeEstimateOf(plan: Record<string, number | NetworkWork>): { timeEstimate: TimeEstimate; step: typeof step } {
  let now = 1000;
  const timeEstimate = new TimeEstimate(planOf(plan), () => now);
  const step = (network: string, rows: number, milliseconds: number): number | undefined => {
    now += milliseconds;
    timeEstimate.step(network, rows);
    return timeEstimate.millisecondsLeft;
  };
  return { timeEstimate, step };
}

it("is undefined before the first step", () => {
  expect(timeEstimateOf({ prior: 4 }).timeEstimate.millisecondsLeft).toBeUndefined();
});

it("assumes that networks which have not run are as slow as the slowest", () => {
  const { step } = timeEstimateOf({ prior: 2, "U-Net 1": 4, "U-Net 2": 3 });
  expect(step("prior", 1, 10)).toBe(10 + 7 * 10);
  expect(step("prior", 1, 10)).toBe(7 * 10);
  expect(step("U-Net 1", 1, 50)).toBe(3 * 50 + 3 * 50);
});

it("assumes the same for the same cost, if costs are known", () => {
  const { step } = timeEstimateOf({
    prior: { rows: 2, cost: 5 },
    "U-Net 1": { rows: 4, cost: 40 },
    "U-Net 2": { rows: 3, cost: 20 },
  });
  expect(step("prior", 1, 10)).toBe(10 + 4 * 80 + 3 * 40);
  expect(step("prior", 1, 10)).toBe(4 * 80 + 3 * 40);
  // A network that has run keeps its pace. The third has the pace of the slower one for its cost.
  expect(step("U-Net 1", 1, 200)).toBe(3 * 200 + 3 * 100);
});

it("uses the first step, which loads weights and compiles kernels, only until there is a second", () => {
  const { step } = timeEstimateOf({ prior: 4 });
  expect(step("prior", 1, 900)).toBe(3 * 900);
  expect(step("prior", 1, 10)).toBe(2 * 10);
  expect(step("prior", 1, 30)).toBe(20);
  expect(step("prior", 1, 30)).toBe(0);
});

it("counts rows, since the last batch has fewer", () => {
  const { step } = timeEstimateOf({ "U-Net 1": 6 });
  expect(step("U-Net 1", 2, 40)).toBe(4 * 20);
  expect(step("U-Net 1", 2, 40)).toBe(2 * 20);
  expect(step("U-Net 1", 1, 20)).toBe(20);
  expect(step("U-Net 1", 1, 20)).toBe(0);
});

it("is 0 if more was done than planned", () => {
  const { step } = timeEstimateOf({ prior: 1 });
  step("prior", 1, 10);
  expect(step("prior", 1, 10)).toBe(0);
});

it("counts repeated work as work that is left", () => {
  const { timeEstimate, step } = timeEstimateOf({ prior: 4 });
  step("prior", 1, 10);
  expect(step("prior", 1, 10)).toBe(2 * 10);
  timeEstimate.repeat("prior", 2);
  expect(timeEstimate.millisecondsLeft).toBe(4 * 10);
});

it("reports the parts of a batch that failed as batches, with the time left", async () => {
  const seen: string[] = [];
  const batches = batchesOf(5, 1, 4);
  const onProgress = ({ batch, batches: all, step, millisecondsLeft }: ScriptProgress): void => {
    seen.push(`${batch}/${all} step ${step}, ${millisecondsLeft === 0 ? "done" : "not done"}`);
  };
  // A clock that advances by itself, since the test only checks whether time is left.
  let now = 0;
  const reporter = new Reporter({ onProgress }, new TimeEstimate(planOf({ prior: 2 * 5 }), () => ++now), batches);
  const run = (index: number, start: number, end: number, steps: number): Promise<void> =>
    reporter.batch(batches[index]!, start, end, () => {
      for (let step = 1; step <= steps; step++) reporter.step({ phase: "prior", step, steps: 2 });
      return steps === 2 ? Promise.resolve() : Promise.reject(new Error("no memory"));
    });
  await expect(run(0, 0, 4, 1)).rejects.toThrow("no memory");
  await run(0, 0, 3, 2);
  await run(0, 3, 4, 2);
  await run(1, 0, 1, 2);
  expect(seen).toEqual([
    "1/2 step 1, not done",
    "1/3 step 1, not done",
    "1/3 step 2, not done",
    "2/3 step 1, not done",
    "2/3 step 2, not done",
    "3/3 step 1, not done",
    "3/3 step 2, done",
  ]);
});
