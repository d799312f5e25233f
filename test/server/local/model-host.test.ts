import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GpuError, GpuOutOfMemoryError } from "../../../src/gpu/errors.js";
import { makeImage } from "../../../src/image/image.js";
import { ArgumentError } from "../../../src/platform/arguments.js";
import type { ImageRequest } from "../../../src/requests/request.js";
import type { FinishedImage, JobStage } from "../../../src/server/jobs/job.js";
import { NotFiniteError } from "../../../src/diffusion/sampling-error.js";
import type { HostedModel } from "../../../src/server/local/host-device.js";
import type { HostEvent } from "../../../src/server/local/host-event.js";
import { ModelHost, type HostOptions } from "../../../src/server/local/model-host.js";
import type { PartOutcome } from "../../../src/server/local/part-run.js";
import { MEMORY, FakeMachine } from "../support/fake-device.js";
import { job, request, whole } from "../support/jobs.js";

let machine: FakeMachine;
let events: HostEvent[];
const hosts: ModelHost[] = [];

beforeEach(() => {
  machine = new FakeMachine();
  events = [];
});

afterEach(() => {
  for (const host of hosts.splice(0)) host.close();
});

function hostOf(names: readonly (string | HostedModel)[], options: Partial<HostOptions> = {}): ModelHost {
  const models = names.map((name) => (typeof name === "string" ? { name } : name));
  const host = new ModelHost({ models, openDevice: machine.open, onEvent: (event) => events.push(event), ...options });
  hosts.push(host);
  return host;
}

const create = (prompt: string, count = 1, seed = 1) => request({ prompts: [prompt], count, seed });
/** The seeds of its images, or why there are none. */
const seedsOf = (outcome: PartOutcome | undefined): unknown =>
  outcome?.status === "fulfilled" ? outcome.value.map(({ seed }) => seed) : outcome?.reason;
const kinds = () => events.map(({ kind }) => kind);
const MIB = 2 ** 20;

describe("models", () => {
  it("are opened when they are used, with the share that is done", async () => {
    const host = hostOf(["a", "b"]);
    const stages: JobStage[] = [];
    expect(host.models()).toEqual([
      { name: "a", isLoaded: false },
      { name: "b", isLoaded: false },
    ]);
    await host.runBatch("b", [whole(job(create("x"), { events: { onStage: (stage) => stages.push(stage) } }))]);
    const loading = [0, 0.5, 1].map((fraction) => ({ stage: "loading", fraction }));
    expect(stages).toEqual([...loading, { stage: "running" }]);
    expect(host.models().map(({ isLoaded }) => isLoaded)).toEqual([false, true]);
    expect(machine.openings).toEqual(["b never"]);
    await host.runBatch("b", [whole(job(create("x")))]);
    expect(machine.openings).toHaveLength(1);
  });

  it("are described without weights, and once", async () => {
    const host = hostOf(["a"]);
    const infos = await Promise.all([host.describe("a"), host.describe("a")]);
    expect(infos[1]).toMatchObject({ name: "a", isLoaded: false, dtype: "f32", device: { tuning: "fake" } });
    expect(machine.described).toEqual(["a"]);
    expect(machine.openings).toEqual([]);
    await expect(host.describe("c")).rejects.toMatchObject({ code: "unknown-model", status: 404, param: "model" });
  });

  it("leave the GPU in the order of their last use if another needs the memory", async () => {
    machine.memoryBytes = 2 ** 40;
    // Two models of 100 MiB, and what one computes.
    const host = hostOf(["a", "b", "c"], { memoryLimit: 210 * MIB });
    for (const name of ["a", "b", "a", "c"]) await host.runBatch(name, [whole(job(create("x")))]);
    expect(host.models().map(({ isLoaded }) => isLoaded)).toEqual([true, false, true]);
    expect(events.filter(({ kind }) => kind === "model-evicted")).toEqual([{ kind: "model-evicted", model: "b" }]);
    await host.preload("b");
    expect(host.models().map(({ isLoaded }) => isLoaded)).toEqual([false, true, true]);
  });

  it("stay while they are in use: another waits", async () => {
    const host = hostOf(["a", "b"], { memoryLimit: 150 * MIB });
    const order: string[] = [];
    machine.onStep = ({ model }, step) => void order.push(`${model}${step}`);
    const first = host.runBatch("a", [whole(job(create("x")))]);
    const second = host.runBatch("b", [whole(job(create("x")))]);
    for (const [outcome] of await Promise.all([first, second])) expect(outcome!.status).toBe("fulfilled");
    expect(order).toEqual(["a1", "a2", "a3", "a4", "b1", "b2", "b3", "b4"]);
  });

  it("are offloaded if they do not fit as a whole, and refused if they do not fit at all", async () => {
    machine.memory = { large: { ...MEMORY, loadedBytes: [300 * MIB, 400 * MIB] } };
    machine.memory = { ...machine.memory, huge: { ...MEMORY, loadedBytes: [9e9, 9e9], offloadBytes: [5e9, 6e9] } };
    const host = hostOf(["large", "huge"], { memoryLimit: 200 * MIB });
    const outcomes = [
      ...(await host.runBatch("large", [whole(job(create("x")))])),
      ...(await host.runBatch("huge", [whole(job(create("x"))), whole(job(create("y")))])),
    ];
    expect(machine.openings).toEqual(["large idle"]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    expect(seedsOf(outcomes[1])).toMatchObject({
      code: "model-failed",
      message: "The model huge needs 5.00 GB of GPU memory for one image, but only 209.72 MB may be used.",
    });
  });

  it("are opened with the offload that was asked for", async () => {
    const host = hostOf([{ name: "a", offload: "idle" }]);
    await host.preload("a");
    expect(machine.openings).toEqual(["a idle"]);
  });

  it("have batches as large as the memory allows", async () => {
    const host = hostOf(["a", "b"], { memoryLimit: 250 * MIB });
    const any = create("x");
    expect(host.batchSizeOf("a", any)).toBe(10);
    await host.preload("a");
    expect(host.batchSizeOf("a", any)).toBe(10);
    await host.preload("b");
    // 100 MiB are those of the other model, and 100 its own.
    expect(host.batchSizeOf("a", any)).toBe(5);
    expect(hostOf(["a"], { maxBatchSize: 3 }).batchSizeOf("a", any)).toBe(3);
  });

  it("have batches as large as the memory allows for images of the size that is asked for", async () => {
    machine.unet = { sizeUnit: 2 };
    machine.memoryBytes = 2 ** 40;
    const host = hostOf(["a"], { memoryLimit: 200 * MIB });
    const sized = (width: number, height: number) => request({ size: { width, height } });
    await host.preload("a");
    for (const one of [sized(4, 4), sized(8, 4), sized(7, 3), sized(2, 4), sized(16, 16)]) await host.fit("a", one);
    // 7 × 3 is rounded up, and 4 × 4 is the model's own size.
    expect(machine.planned).toEqual(["a 8x4", "a 2x4", "a 16x16"]);
    const sizes = [create("x"), sized(4, 4), sized(8, 4), sized(7, 3), sized(2, 4), sized(16, 16)];
    expect(sizes.map((one) => host.batchSizeOf("a", one))).toEqual([10, 10, 5, 5, 10, 1]);
    await host.runBatch("a", [whole(job(request({ prompts: ["y"], count: 6, size: { width: 8, height: 4 } })))]);
    expect(machine.calls.at(-1)).toMatchObject({ prompts: new Array(6).fill("y"), batchSize: 5 });
    // Too large a batch of one size says nothing of another.
    machine.roomFor = 2;
    await host.runBatch("a", [whole(job(request({ prompts: ["z"], count: 4, size: { width: 8, height: 4 } })))]);
    expect([sized(8, 4), create("x")].map((one) => host.batchSizeOf("a", one))).toEqual([2, 10]);
  });

  it("refuse a size and a hint that they do not take, or lack, before they are loaded", async () => {
    const hint = makeImage(4, 4, 3, new Uint8Array(48));
    const host = hostOf(["a"]);
    const refusal = async (of: ImageRequest) => seedsOf((await host.runBatch("a", [whole(job(of))]))[0]);
    const place = (argument: string) => ({ place: { argument } });
    expect(await refusal(request({ size: 8 }))).toMatchObject({ code: "argument/no-effect", ...place("size") });
    expect(await refusal(request({}, { hint }))).toMatchObject({ code: "argument/no-effect", ...place("hint") });
    machine.unet = { sizeUnit: 2, takesHint: true };
    const other = hostOf(["a"]);
    await expect(other.fit("a", create("x"))).rejects.toMatchObject({ code: "argument/missing", ...place("hint") });
    expect(machine.openings).toEqual([]);
    expect(events.filter(({ kind }) => kind === "failure")).toEqual([]);
    await expect(other.fit("a", request({}, { hint }))).resolves.toBeDefined();
  });

  it("that cannot be opened fail their jobs with a message without paths, and can be opened later", async () => {
    machine.openFailure = () => new Error("/secret/model.pth is damaged");
    const host = hostOf(["a"]);
    const outcomes = await host.runBatch("a", [whole(job(create("x"))), whole(job(create("y")))]);
    for (const outcome of outcomes) {
      expect(seedsOf(outcome)).toMatchObject({ code: "model-failed", message: "The server cannot open the model a." });
    }
    expect(events.filter(({ kind }) => kind === "failure")).toMatchObject([
      { model: "a", error: { message: "/secret/model.pth is damaged" } },
    ]);
    machine.openFailure = () => undefined;
    expect(seedsOf((await host.runBatch("a", [whole(job(create("x")))]))[0])).toEqual([1]);
  });
});

describe("a batch", () => {
  it("computes jobs in one call, and gives each its own images and events", async () => {
    const host = hostOf(["a"]);
    const told: string[] = [];
    const watched = (name: string, prompt: string, count: number, seed: number, previewEvery?: number) =>
      job(create(prompt, count, seed), {
        previewEvery,
        events: {
          onImage: ({ seed: of }, index) => told.push(`${name} image ${index} ${of}`),
          onPreview: ({ data }, index) => told.push(`${name} preview ${index} ${data[0]}`),
          onWarning: (message) => told.push(`${name} warning ${message}`),
        },
      });
    const [one, two] = [watched("one", "a long prompt", 2, 10, 2), watched("two", "other", 1, 20)];
    const outcomes = await host.runBatch("a", [whole(one), whole(two)]);
    expect(outcomes.map(seedsOf)).toEqual([[10, 11], [20]]);
    expect(machine.calls).toMatchObject([
      { prompts: ["a long prompt", "a long prompt", "other"], seeds: [10, 11, 20], batchSize: 3 },
    ]);
    const previews = [0, 1].map((index) => `one preview ${index} ${10 + index}`);
    expect(told.filter((line) => line.includes("preview"))).toEqual([...previews, ...previews]);
    expect(told.filter((line) => line.includes("warning"))).toEqual([`one warning "a long prompt" is long.`]);
    expect(told.filter((line) => line.includes("image")).sort()).toEqual([
      "one image 0 10",
      "one image 1 11",
      "two image 0 20",
    ]);
  });

  it("gives previews to each job as often as it asked for them", async () => {
    machine.steps = 12;
    const host = hostOf(["a"]);
    const steps: number[][] = [[], []];
    const jobs = [4, 6].map((previewEvery, i) => {
      let step = 0;
      return job(create("x", 1, i), {
        previewEvery,
        events: { onProgress: (progress) => (step = progress.step), onPreview: () => steps[i]!.push(step) },
      });
    });
    await host.runBatch("a", jobs.map(whole));
    expect(steps).toEqual([
      [4, 8, 12],
      [6, 12],
    ]);
  });

  it("computes a part of a job", async () => {
    const images: [number, FinishedImage][] = [];
    const one = job(create("x", 10, 100), { events: { onImage: (image, index) => images.push([index, image]) } });
    const outcomes = await hostOf(["a"]).runBatch("a", [{ job: one, start: 4, end: 6 }]);
    expect(outcomes.map(seedsOf)).toEqual([[104, 105]]);
    expect(images.map(([index, { seed }]) => [index, seed])).toEqual([
      [4, 104],
      [5, 105],
    ]);
  });

  it("has no more images at once than any of its jobs allows", async () => {
    const one = job({ ...create("x", 2), batchSize: 2 });
    await hostOf(["a"]).runBatch("a", [one, job(create("y", 3))].map(whole));
    expect(machine.calls).toMatchObject([{ batchSize: 2 }]);
  });

  it("goes on without a job that is aborted, and ends when all are", async () => {
    const host = hostOf(["a"]);
    const [first, second] = [new AbortController(), new AbortController()];
    const told: number[] = [];
    machine.onStep = (_, step) => {
      if (step === 2) first.abort(new Error("first"));
    };
    const onProgress = ({ step }: { readonly step: number }): void => void told.push(step);
    const jobs = [
      job(create("x"), { signal: first.signal, events: { onProgress } }),
      job(create("y", 1, 5), { signal: second.signal }),
    ];
    expect((await host.runBatch("a", jobs.map(whole))).map(seedsOf)).toEqual([new Error("first"), [5]]);
    expect(told).toEqual([1]);
    expect(machine.calls[0]!.failure).toBeUndefined();
    machine.onStep = (_, step) => {
      if (step === 3) second.abort(new Error("second"));
    };
    expect((await host.runBatch("a", jobs.map(whole))).map(seedsOf)).toEqual([new Error("first"), new Error("second")]);
    expect(machine.calls[1]).toMatchObject({ prompts: ["y"], failure: new Error("second") });
  });

  it("that fails is computed job by job: one does not fail its neighbours", async () => {
    const host = hostOf(["a"]);
    machine.onStep = ({ prompts }, step) => {
      if (prompts.includes("bad") && step === 2) throw new NotFiniteError("/secret/unet.pth overflows");
    };
    const outcomes = await host.runBatch(
      "a",
      ["good", "bad", "fine"].map((prompt) => whole(job(create(prompt)))),
    );
    expect(outcomes.map(seedsOf)).toEqual([
      [1],
      expect.objectContaining({ code: "model-failed", message: expect.not.stringContaining("secret") as string }),
      [1],
    ]);
    expect(machine.calls.map(({ prompts }) => prompts)).toEqual([["good", "bad", "fine"], ["good"], ["bad"], ["fine"]]);
  });

  it("that overflows in half precision says that f32 helps, as the library does; in f32 it does not", async () => {
    const host = hostOf(["a"]);
    const messages: string[] = [];
    for (const dtype of ["f16", "f32"] as const) {
      const failure = NotFiniteError.at({ component: "the prior", dtype, what: "the image embedding" });
      machine.onStep = () => {
        throw failure;
      };
      const [sampled] = await host.runBatch("a", [whole(job(create("x")))]);
      machine.openFailure = () => failure;
      const [opened] = await hostOf(["b"]).runBatch("b", [whole(job(create("x")))]);
      machine.openFailure = () => undefined;
      messages.push(...[sampled, opened].map((outcome) => (seedsOf(outcome) as Error).message));
    }
    const help = "; whoever runs the server can compute in f32 (--dtype f32).";
    expect(messages).toEqual([
      `a computed values that are not finite. Another guidance scale, seed or prompt may help${help}`,
      `The server cannot open the model b${help}`,
      "a computed values that are not finite. Another guidance scale, seed or prompt may help.",
      "The server cannot open the model b.",
    ]);
  });

  it("says what a caller asked for wrongly, with the name of the model", async () => {
    const host = hostOf([{ name: "a", config: "/secret/a.json" }]);
    machine.onStep = () => {
      throw new ArgumentError("frames", "/secret/a.json has no frames.");
    };
    const [outcome] = await host.runBatch("a", [whole(job(create("x")))]);
    const reason = (outcome as PromiseRejectedResult).reason as ArgumentError;
    expect(reason).toBeInstanceOf(ArgumentError);
    expect(reason).toMatchObject({ message: "a has no frames.", place: { argument: "frames" } });
    expect(kinds()).not.toContain("failure");
  });

  it("does not compute an image again that was done before it failed, and tells it once", async () => {
    const host = hostOf(["a"], { maxBatchSize: 2 });
    let failures = 0;
    let steps = 0;
    machine.onStep = async () => {
      if (steps++ !== machine.steps) return;
      // The images of the first half are told while the second half is computed.
      while (indices.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
      failures++;
      throw new Error("once");
    };
    const indices: string[] = [];
    const jobs = ["x", "y"].map((prompt, i) =>
      job(create(prompt, 2, 10 * i), { events: { onImage: (_, index) => indices.push(`${prompt}${index}`) } }),
    );
    const outcomes = await host.runBatch("a", jobs.map(whole));
    expect(outcomes.map(seedsOf)).toEqual([
      [0, 1],
      [10, 11],
    ]);
    expect(failures).toBe(1);
    expect(indices).toEqual(["x0", "x1", "y0", "y1"]);
    expect(machine.calls.map(({ prompts }) => prompts)).toEqual([
      ["x", "x", "y", "y"],
      ["y", "y"],
    ]);
  });

  it("fails only the job whose listener throws", async () => {
    const bad = job(create("x"), {
      events: {
        onProgress: () => {
          throw new TypeError("a listener");
        },
      },
    });
    const outcomes = await hostOf(["a"]).runBatch("a", [bad, job(create("y", 1, 7))].map(whole));
    expect(outcomes.map(seedsOf)).toEqual([expect.objectContaining({ code: "failed" }), [7]]);
  });

  it("is smaller the next time if the memory had no room for it", async () => {
    const host = hostOf(["a"]);
    machine.roomFor = 3;
    await host.runBatch("a", [whole(job(create("x", 8)))]);
    expect(host.batchSizeOf("a", create("x"))).toBe(3);
  });

  it("makes room by models that are not in use", async () => {
    const host = hostOf(["a", "b"]);
    await host.preload("b");
    machine.onStep = () => {
      if (machine.device.open_.size > 1) throw new GpuOutOfMemoryError("no memory");
    };
    expect((await host.runBatch("a", [whole(job(create("x", 2)))])).map(seedsOf)).toEqual([[1, 2]]);
    expect(host.isLoaded("b")).toBe(false);
    machine.onStep = () => {
      throw new GpuOutOfMemoryError("no memory");
    };
    expect((await host.runBatch("a", [whole(job(create("x")))])).map(seedsOf)).toMatchObject([
      { code: "model-failed" },
    ]);
  });
});

describe("a lost device", () => {
  it("is opened again, and what is missing is computed again", async () => {
    const host = hostOf(["a"]);
    machine.onStep = (_, step) => {
      if (step === 3 && machine.devices.length === 1) machine.device.lose();
    };
    const jobs = ["x", "y"].map((prompt, i) => job(create(prompt, 2, 10 * i)));
    expect((await host.runBatch("a", jobs.map(whole))).map(seedsOf)).toEqual([
      [0, 1],
      [10, 11],
    ]);
    expect(host.deviceLosses).toBe(1);
    expect(machine.openings).toEqual(["a never", "a never"]);
    // The jobs are computed alone, in case one of them has lost it.
    expect(machine.calls.map(({ prompts }) => prompts)).toEqual([
      ["x", "x", "y", "y"],
      ["x", "x"],
      ["y", "y"],
    ]);
    expect(kinds().filter((kind) => kind.startsWith("device"))).toEqual([
      "device-opened",
      "device-lost",
      "device-opened",
    ]);
    expect(machine.devices[0]!.open_.size).toBe(0);
  });

  it("fails a job that loses it again and again, after two retries, but not its neighbour", async () => {
    const host = hostOf(["a"]);
    machine.onStep = ({ prompts }) => {
      if (prompts.includes("bad")) machine.device.lose();
    };
    const outcomes = await host.runBatch(
      "a",
      ["bad", "good"].map((prompt) => whole(job(create(prompt)))),
    );
    expect(outcomes.map(seedsOf)).toEqual([expect.objectContaining({ code: "model-failed", status: 500 }), [1]]);
    expect(machine.calls.map(({ prompts }) => prompts)).toEqual([["bad", "good"], ["bad"], ["bad"], ["good"]]);
    expect(host.deviceLosses).toBe(3);
  });

  it("is noticed too if its work fails first", async () => {
    const host = hostOf(["a"]);
    machine.onStep = (_, step) => {
      if (step !== 2 || machine.devices.length > 1) return;
      setTimeout(() => {
        machine.device.lose();
      }, 5);
      throw new GpuError("the work was dropped");
    };
    expect((await host.runBatch("a", [whole(job(create("x")))])).map(seedsOf)).toEqual([[1]]);
    expect(host.deviceLosses).toBe(1);
  });

  it("fails no other batch that runs on it", async () => {
    const host = hostOf(["a", "b"]);
    machine.onStep = ({ model }, step) => {
      if (model === "a" && step === 2 && machine.devices.length === 1) machine.device.lose();
    };
    const outcomes = await Promise.all(["a", "b"].map((name) => host.runBatch(name, [whole(job(create("x")))])));
    expect(outcomes.flat().map(seedsOf)).toEqual([[1], [1]]);
    expect(host.deviceLosses).toBe(1);
  });

  it("fails its jobs with a time to come back if there is no other", async () => {
    const host = hostOf(["a"]);
    await host.preload("a");
    machine.hasGpu = false;
    machine.device.lose();
    const [outcome] = await host.runBatch("a", [whole(job(create("x")))]);
    expect(seedsOf(outcome)).toMatchObject({ code: "no-worker", status: 503, retryAfter: 30 });
    expect(host.device).toBeUndefined();
  });
});

it("rejects what runs when it is closed", async () => {
  const host = hostOf(["a"]);
  machine.onStep = (_, step) => {
    if (step === 2) host.close();
  };
  const [outcome] = await host.runBatch("a", [whole(job(create("x")))]);
  expect(seedsOf(outcome)).toMatchObject({ code: "closing" });
  expect(host.deviceLosses).toBe(0);
  await expect(host.describe("b")).rejects.toMatchObject({ code: "unknown-model" });
});
