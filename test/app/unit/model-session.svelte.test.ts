import { DeviceLostError, Dalle2Error } from "dalle2-webgpu";
import { beforeEach, describe, expect, it } from "vitest";
import { SHAPES, type ModelChoice } from "../../../web/src/models/model-choice.js";
import { ModelSession, type Loading } from "../../../web/src/models/model-session.svelte.js";
import { FakeEngine, settable, settle } from "../support/fake-engine.js";

const KARLO: ModelChoice = { id: "karlo", label: "Karlo", config: "karlo.json" };
const OWN: ModelChoice = { id: "mine.json", label: "Mine", config: "mine.json" };
const noSignal = new AbortController().signal;

let fake: FakeEngine;
let loading: Loading;
let session: ModelSession;

beforeEach(() => {
  fake = new FakeEngine();
  loading = {};
  session = new ModelSession(fake.engine, () => loading);
});

async function openShapes(): Promise<void> {
  const opened = session.open();
  await settle();
  fake.opening.resolve(undefined);
  await opened;
}

describe("the model session", () => {
  it("opens the chosen model once, and says how far it is", async () => {
    const [first, second] = [session.open(), session.open()];
    await settle();
    expect(fake.openings).toHaveLength(1);
    expect(fake.opening).toMatchObject({ config: SHAPES.config, options: { recordAs: "shapes" } });
    expect(session.status).toBe("opening");
    fake.opening.options.onProgress?.({ stage: "download", file: "a", loadedBytes: 5, totalBytes: 10 });
    fake.opening.options.onProgress?.({ stage: "download", file: "a", loadedBytes: 10, totalBytes: 10 });
    fake.opening.options.onProgress?.({ stage: "compile", compiled: 1, total: 4 });
    expect(session.opening).toMatchObject({ stage: "compile", kernels: { compiled: 1, total: 4 } });
    expect(session.model).toBeUndefined();
    fake.opening.resolve(undefined);
    expect(await first).toBe(await second);
    expect([session.status, session.model]).toEqual(["ready", await first]);
  });

  it("frees a model when another one is chosen, and names own ones by their address in records", async () => {
    await openShapes();
    session.choose(OWN);
    await settle();
    expect([session.status, session.model, fake.disposed]).toEqual(["closed", undefined, 1]);
    void session.open();
    await settle();
    expect(fake.opening.options.recordAs).toBeUndefined();
    session.choose(KARLO);
    expect(fake.openings[1]!.options.signal?.aborted).toBe(true);
    expect(session.status).toBe("closed");
  });

  it("keeps the model of a running job until it is over", async () => {
    await openShapes();
    const job = settable<string>();
    const done = session.use(SHAPES, { signal: noSignal }, () => job.promise);
    await settle();
    session.choose(KARLO);
    const karlo = session.open();
    await settle();
    expect([fake.openings.length, fake.disposed]).toEqual([1, 0]);
    job.resolve("done");
    expect(await done).toBe("done");
    await settle();
    expect([fake.openings.length, fake.disposed]).toEqual([2, 1]);
    fake.opening.resolve(undefined);
    expect(session.model).toBe(undefined);
    await karlo;
    expect(session.model).toBe(await karlo);
  });

  it("pauses: what waits goes on waiting until it is resumed", async () => {
    const states: string[] = [];
    const waiting = session.use(SHAPES, { signal: noSignal, onWait: (state) => void states.push(state) }, () =>
      Promise.resolve("done"),
    );
    await settle();
    session.pause();
    await settle();
    expect([session.status, session.failure]).toEqual(["paused", undefined]);
    expect(fake.opening.options.signal?.aborted).toBe(true);
    session.resume();
    await settle();
    expect([session.status, fake.openings.length]).toEqual(["opening", 2]);
    fake.opening.resolve(undefined);
    expect(await waiting).toBe("done");
    expect(states).toEqual(["opening", "paused", "opening"]);
  });

  it("lets a job have its model before a person's other choice is opened", async () => {
    const states: string[] = [];
    const done = session.use(SHAPES, { signal: noSignal, onWait: (state) => void states.push(state) }, () =>
      Promise.resolve("done"),
    );
    await settle();
    session.choose(KARLO);
    const karlo = session.open();
    await settle();
    expect([fake.openings.length, session.current]).toEqual([1, SHAPES]);
    expect([session.status, session.choiceStatus]).toEqual(["opening", "closed"]);
    fake.opening.resolve(undefined);
    expect(await done).toBe("done");
    await settle();
    expect([fake.openings.length, fake.disposed, session.current]).toEqual([2, 1, KARLO]);
    fake.opening.resolve(undefined);
    await karlo;
    expect([session.status, states]).toEqual(["ready", ["opening"]]);
  });

  it("opens a model in two ways one after the other", async () => {
    const opened = session.open();
    await settle();
    const retried = session.use(SHAPES, { signal: noSignal, loading: { dtype: "f32" } }, () => Promise.resolve("done"));
    await settle();
    // What only a person asked for lets a job go first.
    expect(fake.openings.map(({ options }) => options.dtype)).toEqual([undefined, "f32"]);
    fake.opening.resolve(undefined);
    expect(await retried).toBe("done");
    await settle();
    fake.opening.resolve(undefined);
    await opened;
    expect([session.status, fake.openings.length, fake.disposed]).toEqual(["ready", 3, 1]);
  });

  it("does not open what was chosen no longer when its turn comes", async () => {
    await openShapes();
    const job = settable<string>();
    const done = session.use(SHAPES, { signal: noSignal }, () => job.promise);
    session.choose(KARLO);
    const karlo = expect(session.open()).rejects.toThrow("Another was chosen");
    session.choose(OWN);
    const own = session.open();
    job.resolve("done");
    await done;
    await settle();
    expect(fake.openings.map(({ config }) => config)).toEqual([SHAPES.config, OWN.config]);
    fake.opening.resolve(undefined);
    await Promise.all([own, karlo]);
  });

  it("goes on with what was paused when it is closed, as after a change of how models are loaded", async () => {
    const used = session.use(SHAPES, { signal: noSignal }, () => Promise.resolve("done"));
    await settle();
    session.pause();
    loading = { dtype: "f32" };
    await session.close();
    await settle();
    expect([session.status, fake.openings.length, fake.opening.options.dtype]).toEqual(["opening", 2, "f32"]);
    fake.opening.resolve(undefined);
    expect(await used).toBe("done");
  });

  it("opens no second model before the job on a closed one is over", async () => {
    await openShapes();
    const job = settable<string>();
    const done = session.use(SHAPES, { signal: noSignal }, () => job.promise);
    await settle();
    let isFreed = false;
    const closed = session.close().then(() => (isFreed = true));
    // Closing again changes nothing.
    void session.close();
    const opened = session.open();
    await settle();
    expect([fake.openings.length, fake.disposed, isFreed]).toEqual([1, 0, false]);
    job.resolve("done");
    await Promise.all([done, closed]);
    await settle();
    expect([fake.openings.length, fake.disposed]).toEqual([2, 1]);
    fake.opening.resolve(undefined);
    await opened;
  });

  it("goes on with what was paused when a person opens it", async () => {
    void session.open();
    await settle();
    session.pause();
    const opened = session.open();
    await settle();
    fake.opening.resolve(undefined);
    await opened;
    expect(session.status).toBe("ready");
  });

  it("stops to open a model for a job that was cancelled, unless somebody else needs it", async () => {
    const [one, other] = [new AbortController(), new AbortController()];
    const uses = [one, other].map(({ signal }) => session.use(SHAPES, { signal }, () => Promise.resolve()));
    const ends = uses.map((use) => expect(use).rejects.toThrow("abort"));
    await settle();
    one.abort();
    await settle();
    expect(session.status).toBe("opening");
    other.abort();
    await settle();
    expect([session.status, fake.opening.options.signal?.aborted]).toEqual(["closed", true]);
    await Promise.all(ends);
  });

  it("opens anew with other settings, also while it is opened", async () => {
    const opened = session.open();
    await settle();
    loading = { dtype: "f32" };
    void session.close();
    await settle();
    expect(fake.openings.map(({ options }) => options.dtype)).toEqual([undefined, "f32"]);
    fake.opening.resolve(undefined);
    await opened;
    const used = session.use(SHAPES, { signal: noSignal, loading: { weights: "int8" } }, () => Promise.resolve());
    await settle();
    expect(fake.opening.options).toMatchObject({ dtype: "f32", weights: "int8" });
    expect(fake.disposed).toBe(1);
    fake.opening.resolve(undefined);
    await used;
  });

  it("says why a model could not be opened, and tries again", async () => {
    const opened = session.open();
    await settle();
    fake.opening.reject(new Dalle2Error("No such file.", { code: "file/not-found" }));
    await expect(opened).rejects.toThrow("No such file.");
    expect([session.status, session.failure?.remedy]).toEqual(["failed", "choose-model"]);
    await openShapes();
    expect([session.status, session.failure]).toEqual(["ready", undefined]);
  });

  it("opens anew after the device was lost", async () => {
    await openShapes();
    const used = session.use(SHAPES, { signal: noSignal }, () => Promise.reject(new DeviceLostError("unknown", "")));
    await expect(used).rejects.toThrow("lost");
    expect(session.status).toBe("closed");
    await openShapes();
    expect([session.status, fake.openings.length, fake.disposed]).toEqual(["ready", 2, 1]);
  });
});
