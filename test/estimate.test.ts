import { expect, it } from "vitest";
import { Estimate } from "../src/pipeline/estimate.js";

/** An estimate whose steps take as long as they say. */
function estimateOf(plan: Record<string, number>): { estimate: Estimate; step: typeof step } {
  let now = 1000;
  const estimate = new Estimate(new Map(Object.entries(plan)), () => now);
  const step = (network: string, rows: number, milliseconds: number): number | undefined => {
    now += milliseconds;
    estimate.step(network, rows);
    return estimate.millisecondsLeft;
  };
  return { estimate, step };
}

it("knows nothing before the first step", () => {
  expect(estimateOf({ prior: 4 }).estimate.millisecondsLeft).toBeUndefined();
});

it("takes networks that have not run to be as slow as the slowest that has", () => {
  const { step } = estimateOf({ prior: 2, "U-Net 1": 4, "U-Net 2": 3 });
  expect(step("prior", 1, 10)).toBe(10 + 7 * 10);
  expect(step("prior", 1, 10)).toBe(7 * 10);
  expect(step("U-Net 1", 1, 50)).toBe(3 * 50 + 3 * 50);
});

it("goes by the first step, in which weights come and kernels are compiled, only until there is a second", () => {
  const { step } = estimateOf({ prior: 4 });
  expect(step("prior", 1, 900)).toBe(3 * 900);
  expect(step("prior", 1, 10)).toBe(2 * 10);
  expect(step("prior", 1, 30)).toBe(20);
  expect(step("prior", 1, 30)).toBe(0);
});

it("counts rows, of which a last batch has fewer", () => {
  const { step } = estimateOf({ "U-Net 1": 6 });
  expect(step("U-Net 1", 2, 40)).toBe(4 * 20);
  expect(step("U-Net 1", 2, 40)).toBe(2 * 20);
  expect(step("U-Net 1", 1, 20)).toBe(20);
  expect(step("U-Net 1", 1, 20)).toBe(0);
});

it("is at 0 when more was done than planned, as when a batch was repeated", () => {
  const { step } = estimateOf({ prior: 1 });
  step("prior", 1, 10);
  expect(step("prior", 1, 10)).toBe(0);
});
