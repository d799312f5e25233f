import { describe, expect, it } from "vitest";
import { ddim } from "../../src/diffusion/ddim.js";
import { ddpm } from "../../src/diffusion/ddpm.js";
import { denoise } from "../../src/diffusion/denoise.js";
import { dpmpp2m } from "../../src/diffusion/dpmpp.js";
import { startFromImage } from "../../src/diffusion/init-image.js";
import { StateNoise } from "../../src/diffusion/noise.js";
import { evenGrid, lastSteps, stepsOfStrength, type Sampler } from "../../src/diffusion/sampler.js";
import { NoiseSchedule } from "../../src/diffusion/schedule.js";
import { scaleBy } from "../../src/ops/elementwise.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { expectClose, openTestArena, Random } from "../support/gpu.js";

const STEPS = 100;
const schedule = NoiseSchedule.named("cosine", STEPS);
const process = { schedule, objective: "x0" } as const;
const grid = evenGrid(STEPS, 10);

const samplers: Readonly<Record<string, Sampler>> = {
  ddpm: ddpm(process, { count: 10 }),
  ddim: ddim(process, {
    grid,
    alphas: schedule.tables.alphasCumprod,
    eta: 1,
    epsilon: "clamped",
    epsilonSign: "right",
    lastNoise: "off",
  }),
  dpmpp2m: dpmpp2m(process, grid),
};

/** ᾱ of the cosine schedule (Nichol & Dhariwal 2021, eq. 17) in float64, as a product of clipped 1 − β. */
function alphaBar(time: number): number {
  const f = (t: number): number => Math.cos(((t / STEPS + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
  let product = 1;
  for (let t = 0; t <= time; t++) product *= 1 - Math.min(1 - f(t + 1) / f(t), 0.999);
  return product;
}

it("runs the share of the steps that Diffusers runs", () => {
  expect([0, 0.05, 0.5, 0.29, 0.99, 1].map((strength) => stepsOfStrength(100, strength))).toEqual([
    0, 5, 50, 29, 99, 100,
  ]);
  expect([0.04, 0.5, 0.51, 0.99].map((strength) => stepsOfStrength(24, strength))).toEqual([0, 12, 12, 23]);
});

describe.each(Object.entries(samplers))("%s from an image", (_, sampler) => {
  it("begins at √ᾱ · x0 + √(1 − ᾱ) · ε of its first time, and takes the last steps of its grid", async () => {
    const arena = await openTestArena();
    const random = new Random(7);
    const [image, noise] = [random.normals(8), random.normals(8)];
    const short = lastSteps(sampler, 4);
    expect(short.steps).toEqual(sampler.steps.slice(6));
    const { timestep: time } = short.steps[0]!;
    const states: Promise<Float32Array>[] = [];
    using x0 = arena.from(image, [2, 4], "f32");
    const draws = [noise, ...Array.from({ length: 4 }, () => random.normals(8))];
    using sample = await denoise(
      {
        arena,
        name: "a test",
        process,
        sampler: short,
        selfCond: false,
        // Predicts the image itself: every sampler must end there.
        prepare: () => (x: Tensor) => {
          states.push(x.read());
          return scaleBy(x0, 1);
        },
      },
      {
        noise: new StateNoise(arena, { randn: () => draws.shift()! }, [2, 4]),
        start: startFromImage(x0, schedule, time),
      },
    );
    const [alpha, sigma] = [Math.sqrt(alphaBar(time)), Math.sqrt(1 - alphaBar(time))];
    const expected = Float64Array.from(image, (value, i) => alpha * value + sigma * noise[i]!);
    expect(states).toHaveLength(4);
    expectClose(await states[0]!, expected, { maxRelative: 1e-6 });
    expectClose(await sample.read(), image, { maxRelative: 0.02 });
  });
});
