import { Dalle2Error, DeviceLostError, GpuOutOfMemoryError, NotFiniteError, type ScriptProgress } from "dalle2-webgpu";
import { flushSync } from "svelte";
import { beforeEach, describe, expect, it } from "vitest";
import type { KeptImage } from "../../../web/src/gallery/kept-image.js";
import { Queue } from "../../../web/src/jobs/queue.svelte.js";
import type { ImageRequest, RequestParameters } from "dalle2-webgpu/requests";
import { ModelSession } from "../../../web/src/models/model-session.svelte.js";
import { FakeEngine, fakeImage, settle } from "../support/fake-engine.js";

let fake: FakeEngine;
let session: ModelSession;
let queue: Queue;
let kept: KeptImage[];

beforeEach(() => {
  fake = new FakeEngine();
  session = new ModelSession(fake.engine);
  kept = [];
  queue = new Queue(session, {
    add: (image) => {
      kept.push(image);
      return Promise.resolve();
    },
  });
});

function request(parameters: Partial<RequestParameters> = {}): ImageRequest {
  return {
    parameters: { task: "create", prompts: ["a"], count: 2, seed: 7, prior: {}, unets: [], ...parameters },
    images: [],
  };
}

function step(own: Partial<ScriptProgress>): ScriptProgress {
  return { phase: "decoder", unetNumber: 1, step: 1, steps: 4, batch: 1, batches: 1, millisecondsLeft: 100, ...own };
}

/** Adds a job and lets it generate. */
async function generating(asked = request()) {
  const job = queue.add(asked);
  await settle();
  if (session.status === "opening") fake.opening.resolve(undefined);
  await settle();
  expect(job.status).toBe("generating");
  return job;
}

describe("the queue", () => {
  it("runs jobs one after the other, and keeps their images with their own parameters", async () => {
    const [first, second] = [queue.add(request()), queue.add(request({ prompts: ["b"], count: 1 }))];
    await settle();
    expect([first.status, second.status, queue.running]).toEqual(["opening", "queued", first]);
    fake.opening.resolve(undefined);
    await settle();
    fake.finish();
    await settle();
    expect([first.status, first.fraction, second.status]).toEqual(["done", 1, "generating"]);
    fake.finish();
    await settle();
    expect(second.status).toBe("done");
    expect(kept.map(({ prompt, parameters }) => [prompt, parameters.count, parameters.seed])).toEqual([
      ["a", 1, 7],
      ["a", 1, 8],
      ["b", 1, 7],
    ]);
    expect(kept[0]).toMatchObject({ adapter: "fake none", tuning: "none", model: { id: "shapes", label: "Shapes" } });
    expect(first.images.map((image) => image?.keptId)).toEqual(kept.slice(0, 2).map(({ id }) => id));
    expect(fake.openings).toHaveLength(1);
  });

  it("shows previews by their index, and keeps the last ones of a job that is cancelled", async () => {
    const job = await generating();
    const { events } = fake.run;
    events.onProgress(step({ preview: [fakeImage(1), fakeImage(2)], previewIndex: 0 }));
    events.onImage(fakeImage(3), 0);
    events.onProgress(step({ preview: [fakeImage(4), fakeImage(5)], previewIndex: 0 }));
    expect(job.images.map((image) => image?.pixels.data[0])).toEqual([3, 5]);
    job.cancel();
    await settle();
    expect([job.status, job.failure, job.images.length]).toEqual(["cancelled", undefined, 2]);
    expect(events.signal.aborted).toBe(true);
    events.onProgress(step({ step: 4 }));
    expect(job.progress?.step).toBe(1);
  });

  it("has shares that never fall, with the opening in them, and an estimate from the last job before the first step", async () => {
    const seen: number[] = [];
    const job = queue.add(request());
    const stop = $effect.root(() => {
      $effect(() => void seen.push(job.fraction));
    });
    await settle();
    for (const compiled of [0, 2, 4]) {
      fake.opening.options.onProgress?.({ stage: "compile", compiled, total: 4 });
      flushSync();
    }
    fake.opening.resolve(undefined);
    await settle();
    expect(job.millisecondsLeft).toBeUndefined();
    for (const millisecondsLeft of [1e6, 20, 1e6, 0]) {
      fake.run.events.onProgress(step({ millisecondsLeft }));
      flushSync();
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
    fake.finish();
    await settle();
    flushSync();
    stop();
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBe(1);
    expect(seen.some((fraction) => fraction > 0 && fraction < 0.4)).toBe(true);
    const next = await generating();
    expect(next.millisecondsLeft).toBeGreaterThan(0);
  });

  it("waits while downloads are paused", async () => {
    const job = queue.add(request());
    await settle();
    session.pause();
    await settle();
    expect([job.status, queue.running]).toEqual(["queued", undefined]);
    const later = queue.add(request());
    await settle();
    expect(fake.openings).toHaveLength(1);
    session.resume();
    await settle();
    expect([job.status, later.status]).toEqual(["opening", "queued"]);
    session.pause();
    await settle();
    job.cancel();
    await settle();
    expect([job.status, later.status, session.status]).toEqual(["cancelled", "queued", "paused"]);
    session.resume();
    await settle();
    fake.opening.resolve(undefined);
    await settle();
    expect(later.status).toBe("generating");
  });

  it("runs each job on the model that was chosen when it was added", async () => {
    const job = await generating();
    const other = { id: "karlo", label: "Karlo", config: "karlo.json" };
    session.choose(other);
    const next = queue.add(request());
    fake.finish();
    await settle();
    expect([job.status, next.status, session.current]).toEqual(["done", "opening", other]);
    expect(kept[0]?.model.id).toBe("shapes");
    expect(fake.opening.config).toBe("karlo.json");
  });

  it("says when an image could not be kept", async () => {
    queue = new Queue(session, { add: () => Promise.reject(new Error("no room")) });
    const job = await generating(request({ count: 1 }));
    fake.finish();
    await settle();
    expect([job.status, job.warnings]).toEqual(["done", ["Image 1 could not be kept. No room."]]);
  });

  it.each([
    [new Error("odd"), {}],
    [new DeviceLostError("unknown", ""), {}],
    [new GpuOutOfMemoryError("no memory"), {}],
    [NotFiniteError.at({ component: "the prior", dtype: "f16", what: "an embedding" }), { dtype: "f32" }],
  ])("does what helps against %s, and runs the job again", async (error, loading) => {
    const asked = request({ count: 4 });
    const job = await generating(asked);
    fake.run.reject(error);
    await settle();
    expect(job.status).toBe("failed");
    const again = queue.remedy(job)!;
    expect(queue.jobs).toEqual([again]);
    await settle();
    if (session.status === "opening") fake.opening.resolve(undefined);
    await settle();
    expect(fake.run.request).toEqual(asked);
    expect(fake.opening.options).toMatchObject(loading);
    fake.finish();
    await settle();
    expect([again.status, session.status]).toEqual(["done", "ready"]);
  });

  it("leaves to the page what it cannot do, and fails with the opening of its model", async () => {
    const job = queue.add(request());
    await settle();
    fake.opening.reject(new Dalle2Error("No.", { code: "file/quota" }));
    await settle();
    expect([job.status, job.failure?.remedy]).toEqual(["failed", "free-storage"]);
    expect(queue.remedy(job)).toBeUndefined();
    expect(session.status).toBe("failed");
  });
});
