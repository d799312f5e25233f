import { expect, it } from "vitest";
import { ddpm } from "../../src/diffusion/ddpm.js";
import { evenGrid } from "../../src/diffusion/sampler.js";
import { NoiseSchedule } from "../../src/diffusion/schedule.js";
import { StepInputs } from "../../src/ops/step-inputs.js";
import { expectClose, openTestArena } from "../support/gpu.js";

const schedule = NoiseSchedule.named("cosine", 100);
const process = { schedule, objective: "noise" } as const;

it("uses every timestep, with noise in all but the last", () => {
  const { steps } = ddpm(process);
  expect(steps).toHaveLength(100);
  expect(steps[0]).toEqual({ timestep: 99, next: 98, noise: "added" });
  expect(steps.at(-1)).toEqual({ timestep: 0, next: -1, noise: "unused" });
});

it("uses fewer, from the last timestep to the first", () => {
  expect(evenGrid(100, 5).map(({ timestep }) => timestep)).toEqual([99, 74, 50, 25, 0]);
  expect(ddpm(process, { count: 5 }).steps.map(({ next }) => next)).toEqual([74, 50, 25, 0, -1]);
  expect(evenGrid(100, 1)).toEqual([{ timestep: 99, next: -1 }]);
});

it("uses the posterior of its steps", async () => {
  const arena = await openTestArena();
  const sampler = ddpm(process, { count: 5 });
  using inputs = new StepInputs(arena, 5);
  const take = sampler.init(inputs, [0, 1, 2, 3, 4]);
  const { alphasCumprod } = schedule.tables;
  const [x, x0, noise] = [0.6, -0.3, 1.7];
  const tensor = (value: number) => arena.from([value], [1, 1], "f32");
  for (const [pass, step] of sampler.steps.entries()) {
    inputs.goTo(pass);
    const state = take(
      { x: tensor(x) },
      { raw: tensor(0), x0: tensor(x0), noise: step.noise === "added" ? tensor(noise) : undefined, step },
    );
    // q(x_next | x_time, x0) with Bayes' rule from x_next = √ᾱ' x0 + √(1 - ᾱ') ε and x_time = √(ᾱ/ᾱ') x_next + √(1 -
    // ᾱ/ᾱ') ε.
    const bar = alphasCumprod[step.timestep]!;
    const barNext = step.next < 0 ? 1 : alphasCumprod[step.next]!;
    const [ratio, prior] = [bar / barNext, 1 - barNext];
    const variance = prior === 0 ? 0 : 1 / (1 / prior + ratio / (1 - ratio));
    const mean =
      prior === 0 ? x0 : variance * ((Math.sqrt(barNext) * x0) / prior + (Math.sqrt(ratio) * x) / (1 - ratio));
    const expected = mean + (step.noise === "added" ? Math.sqrt(variance) * noise : 0);
    expectClose(await state.x.read(), [expected], { maxRelative: 1e-5 });
  }
});
