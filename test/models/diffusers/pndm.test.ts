import { describe, expect, it } from "vitest";
import { denoise, denoisePart, type Denoiser } from "../../../src/diffusion/denoise.js";
import { RecordedNoise, StateNoise } from "../../../src/diffusion/noise.js";
import { disposeState, type RunState } from "../../../src/diffusion/run-state.js";
import { lastSteps, type Sampler } from "../../../src/diffusion/sampler.js";
import type { SamplerName } from "../../../src/diffusion/samplers.js";
import { pndmSchedulerOptions } from "../../../src/models/diffusers/config/pndm-scheduler-config.js";
import { PndmScheduler } from "../../../src/models/diffusers/scheduler/pndm-scheduler.js";
import { predictX0, x0Numbers } from "../../../src/ops/sampler.js";
import { ArgumentError } from "../../../src/platform/arguments.js";
import { Arena } from "../../../src/tensor/arena.js";
import { sharedGpu } from "../../support/gpu.js";

const scheduler = new PndmScheduler(
  pndmSchedulerOptions(
    {
      beta_schedule: "scaled_linear",
      beta_start: 0.00085,
      beta_end: 0.012,
      prediction_type: "v_prediction",
      skip_prk_steps: true,
      steps_offset: 1,
    },
    "",
  ),
);
const gpu = await sharedGpu();
const SHAPE = [1, 4, 4, 4];
const START = Float32Array.from({ length: 64 }, (_, i) => Math.sin(3 * i + 1) * 1.4);
const IMAGE = Float32Array.from({ length: 64 }, (_, i) => Math.cos(2 * i));

/** A network that knows the image: its prediction of v is right for each state. */
function knowing(arena: Arena, sampler: Sampler): Denoiser {
  const { schedule } = scheduler.process;
  return {
    arena,
    name: "the network",
    process: scheduler.process,
    sampler,
    selfCond: false,
    prepare: (inputs, times) => {
      const image = inputs.hold(() => arena.from(IMAGE, SHAPE, "f32"));
      // v = α · noise - σ · x0, with noise = (x - α · x0) / σ.
      const numbers = times.map((time) => {
        const { x0: alpha, noise: sigma } = schedule.qSample(time);
        return { x: alpha / sigma, prediction: -(alpha * alpha) / sigma - sigma };
      });
      const uploaded = x0Numbers(inputs, numbers);
      return (x) => predictX0(x, image, uploaded);
    },
  };
}

async function run(sampler: Sampler): Promise<Float32Array> {
  const arena = new Arena(gpu.stream());
  const noise = new StateNoise(arena, new RecordedNoise(new Array<Float32Array>(40).fill(START)), [1, 4, 4, 4]);
  using x = await denoise(knowing(arena, sampler), { noise });
  return await x.read();
}

const distance = (values: Float32Array): number => Math.max(...values.map((value, i) => Math.abs(value - IMAGE[i]!)));

describe("samplers of PNDM's schedule", () => {
  it.each([
    [undefined, 10, 11],
    ["ddpm", 10, 10],
    ["ddim", 10, 10],
    ["dpmpp2m", 10, 10],
  ] as const)(
    "%s with %i steps ends at the image that the network knows",
    async (name: SamplerName | undefined, count, evaluations) => {
      const sampler = scheduler.sampler(name, count, "U-Net");
      expect(sampler.steps).toHaveLength(evaluations);
      // PNDM ends with the noise of timestep 0.
      expect(distance(await run(sampler))).toBeLessThan(name === undefined ? 0.1 : 1e-3);
    },
  );

  it("draws noise for DDPM alone", () => {
    const kinds = ([undefined, "ddim", "dpmpp2m", "ddpm"] as const).map((name) =>
      scheduler.sampler(name, 5, "U-Net").steps.some(({ noise }) => noise !== "none"),
    );
    expect(kinds).toEqual([false, false, false, true]);
  });

  it("evaluates the second timestep twice in the last steps of a run, too", () => {
    const whole = scheduler.sampler(undefined, 10, "U-Net");
    expect(whole.steps.map(({ timestep }) => timestep)).toEqual([901, 801, 801, 701, 601, 501, 401, 301, 201, 101, 1]);
    expect(lastSteps(whole, 5).steps.map(({ timestep }) => timestep)).toEqual([301, 201, 201, 101, 1]);
    expect(lastSteps(whole, 1).steps.map(({ timestep }) => timestep)).toEqual([1]);
    expect(lastSteps(whole, 0).steps).toEqual([]);
  });

  it("gives the same in parts as in one run", async () => {
    const sampler = scheduler.sampler(undefined, 6, "U-Net");
    const arena = new Arena(gpu.stream());
    const noise = new StateNoise(arena, new RecordedNoise([START]), [1, 4, 4, 4]);
    // Each part prepares the network anew, which counts passes: one network for both.
    const model = knowing(arena, sampler);
    let state: RunState | undefined;
    for (const [start, end] of [
      [0, 3],
      [3, 7],
    ] as const) {
      const next = await denoisePart(model, { noise }, { start, end, from: state });
      disposeState(state);
      state = next;
    }
    expect(await state!.sampled.x.read()).toEqual(await run(sampler));
    disposeState(state);
  });

  it.each([0, 1.5, 1000, 1001])("refuses %d steps", (count) => {
    expect(() => scheduler.sampler(undefined, count, "U-Net")).toThrow(ArgumentError);
  });
});
