import { describe, expect, it } from "vitest";
import { JobClock } from "../../../web/src/jobs/job-clock.js";
import type { ImageRequest, RequestParameters, Task } from "dalle2-webgpu/requests";
import { Speeds, workOf, type WorkFacts } from "../../../web/src/jobs/speed.js";

const facts = {
  prior: { settings: { steps: 3, condScale: 1 } },
  decoder: {
    settings: [
      { steps: 10, condScale: 2 },
      { steps: 50, condScale: 1 },
    ],
  },
} as unknown as WorkFacts;

function request(task: Task, own: Partial<RequestParameters> = {}, images = 0): ImageRequest {
  const parameters = { task, prompts: ["a"], count: 1, seed: 1, prior: {}, unets: [{}, { steps: 4 }], ...own };
  return { parameters, images: new Array(images).fill({}) as never };
}

describe("the work of a job", () => {
  it("counts evaluations of the networks that run, twice with guidance", () => {
    expect(workOf(request("create"), facts)).toBe(3 + 20 + 4);
    expect(workOf(request("create", { count: 2, prior: { condScale: 3 } }), facts)).toBe(2 * (6 + 24));
    expect(workOf(request("variations", { count: 2 }, 1), facts)).toBe(2 * 24);
    expect(workOf(request("inpaint", { resampleTimes: 2 }, 1), facts)).toBe(3 + 48);
    expect(workOf(request("upscale", {}, 1), facts)).toBe(4);
    expect(workOf(request("interpolate", { frames: 3 }), facts)).toBe(6 + 3 * 24);
    expect(workOf(request("create", { unets: [] }), facts)).toBe(3 + 20 + 50);
  });

  it("tells how long a job takes, by the last one", () => {
    const speeds = new Speeds();
    expect(speeds.estimate("a", 10)).toBeUndefined();
    speeds.learn("a", 10, 200);
    speeds.learn("a", 0, 200);
    expect([speeds.estimate("a", 5), speeds.estimate("b", 5)]).toEqual([100, undefined]);
  });
});

describe("the clock of a job", () => {
  it("puts the opening of the model before the steps", () => {
    let now = 0;
    const clock = new JobClock(() => now);
    expect(clock.open(0.5, 700)).toEqual({ fraction: 0.2, millisecondsLeft: 700 });
    expect(clock.begin(90)).toEqual({ fraction: 0.2, millisecondsLeft: 90 });
    now = 100;
    expect(clock.step(100).fraction).toBeCloseTo(0.6);
    expect(clock.step(500).fraction).toBeCloseTo(0.6);
    expect(clock.step(undefined)).toEqual({ fraction: clock.step(500).fraction, millisecondsLeft: undefined });
    now = 200;
    expect(clock.step(0).fraction).toBe(1);
    expect(clock.elapsed).toBe(200);
  });
});
