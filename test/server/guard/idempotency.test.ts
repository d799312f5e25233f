import { beforeEach, describe, expect, it } from "vitest";
import { Hono } from "hono";
import type { ServerEnv } from "../../../src/server/context.js";
import { createIdempotency, fingerprint, fingerprintOfRequest } from "../../../src/server/guard/idempotency.js";
import { DEFAULT_LIMITS, type Owner } from "../../../src/server/guard/limits.js";
import type { Idempotency, RepeatableCall, SharedJob } from "../../../src/server/guard/types.js";
import type { FinishedImage, JobEvents } from "../../../src/server/jobs/job.js";
import type { FileStore } from "../../../src/server/results/types.js";
import { MemoryStore } from "../../../src/server/results/memory-store.js";
import { ServerError } from "../../../src/server/server-error.js";
import type { ImageRequest } from "../../../src/requests/request.js";

const HOUR = 3_600_000;
const ownerNamed = (id: string): Owner => ({ id, name: id, limits: DEFAULT_LIMITS, readsMetrics: false });
const ALICE = ownerNamed("alice");

const image = (value: number): FinishedImage => ({
  png: Uint8Array.of(value, value),
  width: 2,
  height: 3,
  seed: value,
  parameters: { script: "BasicInference", tuning: "portable", priorSteps: 2, textConditioning: null },
});

let now: number;
let store: MemoryStore;
let warnings: string[];
let calls: Idempotency;

beforeEach(() => {
  now = 0;
  warnings = [];
  store = new MemoryStore({ maxBytes: 10_000, maxFiles: 100 }, () => now);
  calls = createIdempotency({ store, onWarning: (message) => warnings.push(message), now: () => now });
});

const call = (others: Partial<RepeatableCall> = {}): RepeatableCall => ({
  owner: ALICE,
  key: "k1",
  fingerprint: "a red circle",
  signal: new AbortController().signal,
  events: {},
  ...others,
});

/** A job that ends when it is told to. */
class TestJob {
  started: SharedJob[] = [];
  #end: ((images: readonly FinishedImage[] | Error) => void)[] = [];

  readonly start = (job: SharedJob): Promise<readonly FinishedImage[]> => {
    this.started.push(job);
    return new Promise((resolve, reject) => {
      this.#end.push((result) => {
        if (result instanceof Error) reject(result);
        else resolve(result);
      });
      job.signal.addEventListener("abort", () => {
        reject(job.signal.reason as Error);
      });
    });
  };

  async end(result: readonly FinishedImage[] | Error): Promise<void> {
    await settled();
    this.#end.shift()!(result);
  }
}

/** Lets all promises go on that can. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

describe("a repeated request", () => {
  it("gets the images of the first, which are generated once", async () => {
    const job = new TestJob();
    const first = calls.run(call(), job.start);
    await job.end([image(1), image(2)]);
    expect(await first).toEqual({ images: [image(1), image(2)], isRepeat: false });
    expect(await calls.run(call(), job.start)).toEqual({ images: [image(1), image(2)], isRepeat: true });
    expect(job.started).toHaveLength(1);
  });

  it("waits for the first while it runs, and hears of it", async () => {
    const job = new TestJob();
    const heard: string[] = [];
    const events = (name: string): JobEvents => ({ onProgress: ({ step }) => heard.push(`${name} ${step}`) });
    const first = calls.run(call({ events: events("first") }), job.start);
    await settled();
    job.started[0]!.events.onProgress?.({ phase: "prior", step: 1, steps: 2, millisecondsLeft: undefined });
    const second = calls.run(call({ events: events("second") }), job.start);
    job.started[0]!.events.onProgress?.({ phase: "prior", step: 2, steps: 2, millisecondsLeft: undefined });
    await job.end([image(1)]);
    expect([(await first).isRepeat, (await second).isRepeat, job.started.length]).toEqual([false, true, 1]);
    expect(heard).toEqual(["first 1", "first 2", "second 2"]);
  });

  it("gets them from another server that has the same store", async () => {
    const job = new TestJob();
    const first = calls.run(call(), job.start);
    await job.end([image(1)]);
    await first;
    const other = createIdempotency({ store, onWarning: () => undefined, now: () => now });
    expect(await other.run(call(), job.start)).toEqual({ images: [image(1)], isRepeat: true });
  });

  it("is a conflict if it asks for something else, while the first runs and later", async () => {
    const job = new TestJob();
    const first = calls.run(call(), job.start);
    await settled();
    const other = call({ fingerprint: "a blue square" });
    const conflict = { code: "conflict", status: 409 };
    await expect(calls.run(other, job.start)).rejects.toMatchObject(conflict);
    await job.end([image(1)]);
    await first;
    await expect(calls.run(other, job.start)).rejects.toMatchObject(conflict);
    expect(job.started).toHaveLength(1);
    // The first is not disturbed.
    expect((await calls.run(call(), job.start)).isRepeat).toBe(true);
  });

  it("of another owner is another request", async () => {
    const job = new TestJob();
    const both = [calls.run(call(), job.start), calls.run(call({ owner: ownerNamed("bob") }), job.start)];
    await job.end([image(1)]);
    await job.end([image(2)]);
    expect((await Promise.all(both)).map(({ images }) => images[0]!.seed)).toEqual([1, 2]);
    expect(new Set(job.started.map(({ id }) => id)).size).toBe(2);
  });

  it("is generated again after a failure, with the same id", async () => {
    const job = new TestJob();
    const first = calls.run(call(), job.start);
    await job.end(new ServerError("queue-full", "full"));
    await expect(first).rejects.toMatchObject({ code: "queue-full" });
    // What failed does not bind the key.
    const second = calls.run(call({ fingerprint: "a blue square" }), job.start);
    await job.end([image(1)]);
    expect((await second).isRepeat).toBe(false);
    expect(new Set(job.started.map(({ id }) => id)).size).toBe(1);
  });

  it("is generated again after a day", async () => {
    const job = new TestJob();
    const first = calls.run(call(), job.start);
    await job.end([image(1)]);
    await first;
    now = 24 * HOUR;
    expect((await calls.run(call(), job.start)).isRepeat).toBe(true);
    now += 1;
    const later = calls.run(call({ fingerprint: "a blue square" }), job.start);
    await job.end([image(2)]);
    expect((await later).images[0]!.seed).toBe(2);
  });

  it("is generated again if its images are not kept any longer", async () => {
    const job = new TestJob();
    const first = calls.run(call(), job.start);
    await job.end([image(1), image(2)]);
    await first;
    for await (const { key } of store.list("")) if (key.endsWith("/1.png")) await store.remove(key);
    const second = calls.run(call(), job.start);
    await job.end([image(1), image(2)]);
    expect(await second).toEqual({ images: [image(1), image(2)], isRepeat: false });
  });
});

describe("a caller that goes away", () => {
  it("alone ends the job; who asks again waits until it has ended", async () => {
    const job = new TestJob();
    const caller = new AbortController();
    const first = calls.run(call({ signal: caller.signal }), job.start);
    await settled();
    caller.abort(new Error("gone"));
    await expect(first).rejects.toThrow("gone");
    const second = calls.run(call(), job.start);
    await settled();
    expect(job.started.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    job.started.shift();
    await job.end([]);
    await job.end([image(1)]);
    expect((await second).images).toEqual([image(1)]);
  });

  it("does not end a job that others wait for", async () => {
    const job = new TestJob();
    const caller = new AbortController();
    const first = calls.run(call({ signal: caller.signal }), job.start);
    const second = calls.run(call(), job.start);
    await settled();
    caller.abort(new Error("gone"));
    await expect(first).rejects.toThrow("gone");
    expect(job.started[0]!.signal.aborted).toBe(false);
    await job.end([image(1)]);
    expect((await second).images).toEqual([image(1)]);
  });

  it("before it began starts nothing", async () => {
    const job = new TestJob();
    await expect(calls.run(call({ signal: AbortSignal.abort(new Error("gone")) }), job.start)).rejects.toThrow("gone");
    expect(job.started).toEqual([]);
  });
});

it("a store that fails takes nobody's image away, and is said", async () => {
  const broken: FileStore = {
    put: () => Promise.reject(new Error("the disk is full")),
    get: () => Promise.reject(new Error("unreachable")),
    remove: () => Promise.resolve(),
    list: (prefix) => store.list(prefix),
  };
  calls = createIdempotency({ store: broken, onWarning: (message) => warnings.push(message), now: () => 0 });
  const job = new TestJob();
  const first = calls.run(call(), job.start);
  await job.end([image(1)]);
  expect((await first).images).toEqual([image(1)]);
  expect(warnings).toContain("results of repeatable requests: the disk is full");
});

describe("the key of a request", () => {
  const app = new Hono<ServerEnv>();
  app.onError((error, c) => c.text((error as ServerError).code, 400));
  app.get("/", (c) => c.json({ key: calls.keyOf(c) }));
  const keyed = async (key: string | undefined) =>
    (await app.request("/", { headers: key === undefined ? {} : { "Idempotency-Key": key } })).text();

  it("is its header", async () => {
    expect(await keyed("k1")).toBe('{"key":"k1"}');
    expect(await keyed("x".repeat(255))).toContain("xxx");
    expect(await keyed(undefined)).toBe("{}");
    expect(await keyed("")).toBe("bad-request");
    expect(await keyed("x".repeat(256))).toBe("bad-request");
  });

  it("gives the same id and seed on all servers", () => {
    const one = calls.identity(ALICE, "k1");
    expect(createIdempotency({ store, onWarning: () => undefined, now: () => 0 }).identity(ALICE, "k1")).toEqual(one);
    expect(one.id).toMatch(/^job-[0-9a-f]{32}$/);
    expect(Number.isSafeInteger(one.seed) && one.seed >= 0).toBe(true);
    // Where the owner ends and the key begins matters.
    expect(calls.identity(ownerNamed("a"), "bc").id).not.toBe(calls.identity(ownerNamed("ab"), "c").id);
  });
});

describe("a fingerprint", () => {
  it("differs where parts differ, or are cut otherwise", () => {
    const prints = [["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], [Uint8Array.of(97, 98), "c"]].map(fingerprint);
    expect(new Set(prints).size).toBe(5);
  });

  it("of a request covers its model, parameters, images and mask", () => {
    const base: ImageRequest = {
      parameters: { task: "inpaint", prior: {}, unets: [], prompts: ["a"], count: 1, seed: 1 },
      images: [{ width: 1, height: 1, channels: 3, data: Uint8Array.of(1, 2, 3) }],
      mask: Uint8Array.of(1),
    };
    const others: ImageRequest[] = [
      { ...base, parameters: { ...base.parameters, seed: 2 } },
      { ...base, images: [{ ...base.images[0]!, data: Uint8Array.of(1, 2, 4) }] },
      { ...base, mask: Uint8Array.of(0) },
      { ...base, mask: undefined },
    ];
    const prints = [base, ...others].map((request) => fingerprintOfRequest("shapes", request));
    expect(new Set([...prints, fingerprintOfRequest("karlo", base)]).size).toBe(6);
    expect(fingerprintOfRequest("shapes", structuredClone(base))).toBe(prints[0]);
  });
});
