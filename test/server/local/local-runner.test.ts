import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NotFiniteError } from "../../../src/diffusion/sampling-error.js";
import { ArgumentError } from "../../../src/platform/arguments.js";
import type { FinishedImage, Job, JobEvents, JobStage } from "../../../src/server/jobs/job.js";
import type { HostEvent } from "../../../src/server/local/host-event.js";
import { LocalRunner, type LocalRunnerOptions } from "../../../src/server/local/local-runner.js";
import { eventually } from "../support/eventually.js";
import { FakeMachine } from "../support/fake-device.js";
import { job, request } from "../support/jobs.js";

let machine: FakeMachine;
let events: HostEvent[];
const runners: LocalRunner[] = [];

beforeEach(() => {
  machine = new FakeMachine();
  events = [];
});

afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.close({ graceMs: 0 });
});

async function open(options: Partial<LocalRunnerOptions> = {}): Promise<LocalRunner> {
  const models = ["a", "b"].map((name) => ({ name }));
  const runner = await LocalRunner.open({
    models,
    openDevice: machine.open,
    onEvent: (event) => events.push(event),
    ...options,
  });
  runners.push(runner);
  return runner;
}

interface Asked {
  readonly owner?: string;
  readonly count?: number;
  readonly seed?: number;
  readonly model?: string;
  readonly steps?: number;
  readonly events?: JobEvents;
  readonly signal?: AbortSignal;
}

/** A job whose prompt is the name of its owner. */
function jobOf({ owner = "someone", count = 1, seed = 1, model = "a", steps, ...others }: Asked): Job {
  return job(request({ prompts: [owner], count, seed, prior: { steps } }), { owner, model, ...others });
}

const seeds = (images: readonly FinishedImage[]) => images.map(({ seed }) => seed);

/** Holds the first batch until `release` is called. */
function gate() {
  let release!: () => void;
  const held = new Promise<void>((resolve) => (release = resolve));
  machine.onStep = () => held;
  return { release };
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe("jobs", () => {
  it("that wait together are computed in one batch, those with other settings in another", async () => {
    const runner = await open();
    const { release } = gate();
    const jobs = [
      jobOf({ owner: "first" }),
      jobOf({ owner: "x", seed: 10, count: 2 }),
      jobOf({ owner: "y", seed: 20, steps: 3 }),
      jobOf({ owner: "z", seed: 30 }),
    ];
    const results = [runner.run(jobs[0]!)];
    await until(() => machine.calls.length === 1);
    results.push(...jobs.slice(1).map((one) => runner.run(one)));
    await eventually(async () => {
      expect((await runner.status()).waitingJobs).toBe(3);
    });
    expect(await runner.status()).toMatchObject({ isReady: true, waitingJobs: 3, runningJobs: 1, deviceLosses: 0 });
    release();
    expect((await Promise.all(results)).map(seeds)).toEqual([[1], [10, 11], [20], [30]]);
    expect(machine.calls.map(({ prompts }) => prompts)).toEqual([["first"], ["x", "x", "z"], ["y"]]);
    expect(await runner.status()).toMatchObject({ waitingJobs: 0, runningJobs: 0 });
  });

  it("of different models are not computed together", async () => {
    const runner = await open();
    await Promise.all(["a", "b", "a"].map((model) => runner.run(jobOf({ model }))));
    expect(machine.calls.map(({ model, prompts }) => `${model} ${prompts.length}`)).toEqual(["a 2", "b 1"]);
  });

  it("that come at once are computed in one batch, also the first", async () => {
    const runner = await open();
    const results = ["x", "y", "z"].map((owner, seed) => runner.run(jobOf({ owner, seed })));
    expect((await Promise.all(results)).map(seeds)).toEqual([[0], [1], [2]]);
    expect(machine.calls.map(({ prompts }) => prompts)).toEqual([["x", "y", "z"]]);
  });

  it("that are large leave room for others in between, and get their images in order", async () => {
    const runner = await open({ maxBatchSize: 4 });
    const told: number[] = [];
    const large = jobOf({ owner: "large", count: 10, seed: 100, events: { onImage: (_, index) => told.push(index) } });
    const result = runner.run(large);
    await until(() => machine.calls.length === 1);
    const small = runner.run(jobOf({ owner: "small", steps: 9 }));
    expect(seeds(await small)).toEqual([1]);
    expect(told.length).toBeLessThan(10);
    expect(seeds(await result)).toEqual(Array.from({ length: 10 }, (_, i) => 100 + i));
    expect(told).toEqual(Array.from({ length: 10 }, (_, i) => i));
    expect(machine.calls.map(({ prompts }) => `${prompts[0]} ${prompts.length}`)).toEqual([
      "large 4",
      "small 1",
      "large 4",
      "large 2",
    ]);
  });

  it("know how many images are before them, and what follows", async () => {
    const runner = await open();
    const { release } = gate();
    const first = runner.run(jobOf({ owner: "x", count: 3 }));
    await until(() => machine.calls.length === 1);
    const stages: JobStage[] = [];
    const left: (number | undefined)[] = [];
    const watched = { onStage: (stage: JobStage) => stages.push(stage), onProgress: () => left.push(0) };
    const second = runner.run(jobOf({ owner: "y", events: watched }));
    release();
    await Promise.all([first, second]);
    expect(stages).toEqual([{ stage: "waiting", imagesAhead: 3 }, { stage: "running" }]);
    expect(left).toHaveLength(machine.steps);
  });

  it("say how long all of their images take", async () => {
    const runner = await open({ maxBatchSize: 1 });
    await runner.run(jobOf({}));
    const left: (number | undefined)[] = [];
    await runner.run(
      jobOf({ count: 2, events: { onProgress: ({ millisecondsLeft }) => left.push(millisecondsLeft) } }),
    );
    // The fake model says 10 ms for each batch.
    expect(left[0]).toBeGreaterThan(10);
    expect(left.at(-1)).toBe(10);
  });

  it("with the id of one that is not done are that one", async () => {
    const runner = await open();
    const one = jobOf({});
    const [first, second] = await Promise.all([
      runner.run(one),
      runner.run({ ...one, signal: new AbortController().signal }),
    ]);
    expect(second).toBe(first);
    expect(machine.calls).toHaveLength(1);
  });

  it("end at once when they are aborted, and leave the queue", async () => {
    const runner = await open({ maxWaitingJobs: 1 });
    const { release } = gate();
    const first = runner.run(jobOf({ owner: "x" }));
    await until(() => machine.calls.length === 1);
    const abort = new AbortController();
    const waiting = runner.run(jobOf({ owner: "y", signal: abort.signal }));
    await until(() => events.length > 0);
    abort.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    expect(await runner.status()).toMatchObject({ waitingJobs: 0 });
    await expect(runner.run(jobOf({ owner: "y", signal: abort.signal }))).rejects.toThrow("gone");
    // There is room for another.
    const other = runner.run(jobOf({ owner: "z" }));
    release();
    await Promise.all([first, other]);
    expect(machine.calls.map(({ prompts }) => prompts)).toEqual([["x"], ["z"]]);
  });

  it("that are aborted while they run are not computed on", async () => {
    const runner = await open({ maxBatchSize: 2 });
    const abort = new AbortController();
    machine.onStep = (_, step) => {
      if (step === 2) abort.abort(new Error("gone"));
    };
    await expect(runner.run(jobOf({ count: 6, signal: abort.signal }))).rejects.toThrow("gone");
    machine.onStep = () => undefined;
    await runner.run(jobOf({ owner: "next" }));
    expect(machine.calls.map(({ prompts }) => prompts[0])).toEqual(["someone", "next"]);
  });

  it("that fail take nothing more of the queue", async () => {
    const runner = await open({ maxBatchSize: 1 });
    machine.onStep = ({ seeds: [seed] }) => {
      if (seed === 2) throw new NotFiniteError("overflow");
    };
    await expect(runner.run(jobOf({ count: 4 }))).rejects.toMatchObject({ code: "model-failed" });
    expect(machine.calls).toHaveLength(2);
    expect(await runner.status()).toMatchObject({ waitingJobs: 0, runningJobs: 0 });
  });

  it("are refused if the queue is full, or if there is no such model", async () => {
    const runner = await open({ maxWaitingJobs: 1 });
    const { release } = gate();
    const accepted = [runner.run(jobOf({ owner: "x" }))];
    await until(() => machine.calls.length === 1);
    accepted.push(runner.run(jobOf({ owner: "y" })));
    await expect(runner.run(jobOf({ owner: "z" }))).rejects.toMatchObject({ code: "queue-full", retryAfter: 5 });
    await expect(runner.run(jobOf({ model: "c" }))).rejects.toMatchObject({ code: "unknown-model" });
    release();
    expect((await Promise.all(accepted)).map(seeds)).toEqual([[1], [1]]);
  });
});

describe("closing", () => {
  it("gives back what waits, and ends what runs, with all of its images", async () => {
    const runner = await open({ maxBatchSize: 2 });
    const { release } = gate();
    const running = runner.run(jobOf({ owner: "x", count: 4 }));
    await until(() => machine.calls.length === 1);
    const waiting = runner.run(jobOf({ owner: "y" }));
    const refused = expect(waiting).rejects.toMatchObject({ code: "closing", status: 503, retryAfter: 30 });
    const closed = runner.close({ graceMs: 60_000 });
    await refused;
    await expect(runner.run(jobOf({}))).rejects.toMatchObject({ code: "closing" });
    expect(await runner.status()).toMatchObject({ isReady: false, reason: "The server is shutting down." });
    release();
    expect(seeds(await running)).toEqual([1, 2, 3, 4]);
    await closed;
    expect(machine.device.isGone).toBe(true);
  });

  it("aborts what is not done within the grace", async () => {
    const runner = await open();
    machine.steps = 1e9;
    const running = runner.run(jobOf({}));
    const refused = expect(running).rejects.toMatchObject({ code: "closing" });
    await until(() => machine.calls.length === 1);
    await Promise.all([runner.close({ graceMs: 20 }), runner.close({ graceMs: 20 })]);
    await refused;
    expect(machine.calls[0]!.failure).toMatchObject({ code: "closing" });
  });
});

describe("readiness", () => {
  it("comes after models are preloaded", async () => {
    const runner = await open({ preload: ["b", "a"] });
    expect(await runner.status()).toMatchObject({ isReady: false, reason: "Models are being opened." });
    await until(() => events.filter(({ kind }) => kind === "model-opened").length === 2);
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(await runner.status()).toMatchObject({ isReady: true, devices: [{ tuning: "fake" }] });
    expect(machine.openings).toEqual(["b never", "a never"]);
    expect((await runner.models()).map(({ isLoaded }) => isLoaded)).toEqual([true, true]);
  });

  it("comes back after a device was lost, without a job", async () => {
    const runner = await open();
    machine.device.lose();
    await until(() => events.some(({ kind }) => kind === "device-lost"));
    expect(await runner.status()).toMatchObject({ isReady: false, deviceLosses: 1, devices: [] });
    await until(() => machine.devices.length === 2);
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(await runner.status()).toMatchObject({ isReady: true });
  });

  it("is an error if there is no device at the start, or names are wrong", async () => {
    await expect(open({ preload: ["c"] })).rejects.toThrow(ArgumentError);
    await expect(open({ models: [{ name: "a" }, { name: "a" }] })).rejects.toThrow(/Two models have the name "a"/);
    machine.hasGpu = false;
    await expect(open()).rejects.toThrow("no adapter");
  });
});

it("computes each image of a thousand jobs once, with equal shares for fifty owners", async () => {
  machine.steps = 1;
  const runner = await open({ maxWaitingJobs: 4000, maxWaitingImages: 4000, maxBatchSize: 8 });
  const order: string[] = [];
  const jobs = Array.from({ length: 1000 }, (_, i) => {
    const owner = `owner ${i % 50}`;
    return jobOf({ owner, seed: i * 10, count: 1 + (i % 3), events: { onImage: () => order.push(owner) } });
  });
  const results = await Promise.all(jobs.map((one) => runner.run(one)));
  for (const [i, images] of results.entries()) {
    expect(seeds(images)).toEqual(Array.from({ length: 1 + (i % 3) }, (_, k) => i * 10 + k));
  }
  const computed = machine.calls.flatMap((call) => call.seeds);
  expect(new Set(computed).size).toBe(computed.length);
  // After each batch, while all still wait: a batch apart at most, and the images of the first job, which was alone.
  const had = new Map<string, number>();
  for (const owner of order.slice(0, 1000)) had.set(owner, (had.get(owner) ?? 0) + 1);
  expect(Math.max(...had.values()) - Math.min(...had.values())).toBeLessThanOrEqual(8);
});
