import { expect, it } from "vitest";
import { distinctPasses, passesOf } from "../../src/diffusion/passes.js";
import type { SamplerStep } from "../../src/diffusion/sampler.js";

const step = (timestep: number, noise: SamplerStep["noise"]): SamplerStep => ({ timestep, next: timestep - 1, noise });
const steps = [step(3, "added"), step(2, "added"), step(1, "added"), step(0, "unused")];

it("a pass repeats its step except at the last repetition, and never the last step", () => {
  const passes = passesOf(steps, 3);
  expect(passes.map(({ index }) => index)).toEqual([...passes.keys()]);
  expect(passes.map(({ step }) => step.timestep)).toEqual([3, 3, 3, 2, 2, 2, 1, 1, 1, 0, 0, 0]);
  expect(passes.map(({ repeats }) => Number(repeats))).toEqual([1, 1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0]);
});

it("the distinct passes are the first, one of each later kind, and the last", () => {
  const indices = (times: number, of = steps) => distinctPasses(passesOf(of, times)).map(({ index }) => index);
  expect(indices(1)).toEqual([0, 1, 3]);
  expect(indices(3)).toEqual([0, 1, 2, 9, 11]);
  expect(indices(1, steps.slice(0, 1))).toEqual([0]);
  expect(indices(1, steps.slice(2))).toEqual([0, 1]);
});
