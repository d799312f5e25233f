import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { InferenceScript } from "../../src/pipeline/inference-script.js";
import { FormatError, TruncatedError } from "../../src/weights/errors.js";
import { DeviceLostError } from "../../src/gpu/errors.js";
import { SamplingError } from "../../src/diffusion/sampling-error.js";
import { ArgumentError } from "../../src/platform/arguments.js";
import { Dalle2Error } from "../../src/platform/dalle2-error.js";
import { DisposedError } from "../../src/platform/disposed-error.js";
import { ERROR_CODES } from "../../src/platform/error-codes.js";
import { FileError } from "../../src/platform/errors.js";
import { createWorkerClient, type WorkerClient, type WorkerClientOptions } from "../../src/worker/client.js";
import { ERROR_CLASSES } from "../../src/worker/error-classes.js";
import { PROTOCOL, type ToWorker } from "../../src/worker/protocol.js";
import type { RemoteScript } from "../../src/worker/scripts.js";
import { WorkerError } from "../../src/worker/worker-error.js";
import { FakeWorker, SilentWorker } from "../support/fake-worker.js";

/** What the script `Test` can be asked for. */
interface Request {
  readonly signal?: AbortSignal;
  readonly onStep?: (step: number) => unknown;
}

let thrown: unknown;
/** A script of one's own. */
class Test extends InferenceScript {
  fail(): never {
    throw thrown;
  }

  /** Counts until it is aborted. It waits for what `onStep` returns. */
  async count({ signal, onStep }: Request): Promise<number> {
    for (let step = 1; step <= 1000; step++) {
      signal?.throwIfAborted();
      await onStep?.(step);
    }
    return 1000;
  }

  whether(options: object): boolean {
    return Object.keys(options).length === 0;
  }

  /** Ends when it is aborted, and without it never. */
  hang({ signal }: Request): Promise<never> {
    return new Promise((_, reject) => {
      signal?.addEventListener("abort", () => {
        reject(signal.reason as Error);
      });
    });
  }

  loseDevice(): void {
    this.manager.gpu.device.destroy();
  }
}

const workers: FakeWorker[] = [];
const clients: WorkerClient<{ readonly Test: typeof Test }>[] = [];

function newClient(options: WorkerClientOptions = {}) {
  const worker = (): FakeWorker => {
    workers.push(new FakeWorker({ Test }));
    return workers.at(-1)!;
  };
  const client = createWorkerClient<{ readonly Test: typeof Test }>({ worker, ...options });
  clients.push(client);
  return client;
}

async function open(options: WorkerClientOptions = {}) {
  const client = newClient(options);
  const manager = await client.open("shapes", { dtype: "f32" });
  return { client, manager, script: manager.script("Test"), worker: workers.at(-1)! };
}

afterEach(() => {
  for (const client of clients.splice(0)) client.dispose();
  expect(workers.splice(0).every(({ isTerminated }) => isTerminated)).toBe(true);
});

/** One for the tests that leave it as it was. */
const shared = createWorkerClient<{ readonly Test: typeof Test }>({ worker: () => new FakeWorker({ Test }) });
let manager: Awaited<ReturnType<typeof shared.open>>;
let script: RemoteScript<typeof Test>;

beforeAll(async () => {
  manager = await shared.open("shapes", { dtype: "f32" });
  script = manager.script("Test");
});

afterAll(() => {
  shared.dispose();
});

/** The error that a call rejects with. */
async function rejection(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => expect.fail("the call did not reject"),
    (error: unknown) => error,
  );
}

describe("an error in a worker", () => {
  it("is an instance of its class in the page, with code, place, advice and cause", async () => {
    const cause = new FileError("model.pth", "is gone", { code: "file/not-found" });
    thrown = new SamplingError("no prior", { code: "sampling/no-model", place: { component: "the prior" }, cause });
    const error = await rejection(script.fail());
    expect(error).toBeInstanceOf(SamplingError);
    expect((error as SamplingError).toJSON()).toEqual((thrown as SamplingError).toJSON());
    expect((error as SamplingError).cause).toBeInstanceOf(FileError);
    expect((error as SamplingError).stack).toContain("failures.test.ts");
    thrown = new TruncatedError("model.pth", "ends early");
    expect(await rejection(script.fail())).toBeInstanceOf(FormatError);
  });

  it("has its class loaded in the page, whatever class it is", () => {
    // Those of the command and its servers reach no page.
    const inLibrary = Object.entries(ERROR_CODES).filter(([code]) => !/^(?:cli|queue|server)\//.test(code));
    expect([...new Set(inLibrary.map(([, entry]) => entry.class))].sort()).toEqual([...ERROR_CLASSES.keys()].sort());
  });

  it("is what the library throws", async () => {
    const few = { priorSteps: 0 };
    const invalid = await rejection(manager.script("BasicInference").run("a circle", few));
    expect(invalid).toBeInstanceOf(ArgumentError);
    expect(invalid).toMatchObject({ code: "argument/invalid", place: { argument: "priorSteps" } });
    const missing = await rejection(shared.open("no-such-config.json"));
    expect(missing).toBeInstanceOf(FileError);
    expect(missing).toMatchObject({ code: "file/not-found", place: { file: "no-such-config.json" } });
    const noScript = manager.script("Nothing" as "Test");
    expect(await rejection(noScript.count({}))).toMatchObject({ place: { argument: "script" } });
    const noMethod = script as unknown as { readonly nothing: () => Promise<void> };
    expect(await rejection(noMethod.nothing())).toMatchObject({ place: { argument: "method" } });
  });

  it("keeps its class if it is not of the library", async () => {
    thrown = new TypeError("x is not a function");
    expect(await rejection(script.fail())).toMatchObject({ name: "TypeError", message: "x is not a function" });
    thrown = "just a text";
    expect(await rejection(script.fail())).toBe("just a text");
    thrown = Object.assign(new Error("with a function"), { run: () => 1, name: "OddError" });
    expect(await rejection(script.fail())).toMatchObject({ name: "OddError", message: "with a function" });
  });

  it("says which call has an argument that cannot be passed", async () => {
    const error = await rejection(script.whether({ nested: { run: () => 1 } }));
    expect(error).toBeInstanceOf(ArgumentError);
    expect((error as Error).message).toMatch(/^An argument of script cannot be passed to a worker: /);
    expect(await script.whether({})).toBe(true);
  });
});

describe("a call", () => {
  it("rejects with the reason of its signal, and stops in the worker", async () => {
    const reason = { why: "any value" };
    const controller = new AbortController();
    const steps: number[] = [];
    const onStep = (step: number): void => {
      steps.push(step);
      if (step === 3) controller.abort(reason);
    };
    expect(await rejection(script.count({ signal: controller.signal, onStep }))).toBe(reason);
    expect(steps.length).toBeLessThan(10);
    expect(await rejection(script.count({ signal: controller.signal }))).toBe(reason);
    expect(await script.count({})).toBe(1000);
  });

  it("waits for a function that returns a promise, and rejects with what a function throws", async () => {
    let running = 0;
    const onStep = async (): Promise<void> => {
      expect(++running).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
    };
    expect(await script.count({ onStep })).toBe(1000);
    const error = new RangeError("thrown in the page");
    let steps = 0;
    const failing = script.count({
      onStep: () => {
        steps++;
        throw error;
      },
    });
    expect(await rejection(failing)).toBe(error);
    expect(steps).toBeLessThan(10);
  });

  it("aborts a download of `open`, and leaves nothing open", async () => {
    const signal = AbortSignal.abort(new Error("too late"));
    expect(await rejection(shared.open("shapes", { signal }))).toBe(signal.reason);
  });
});

describe("the signal of `open`", () => {
  it("is kept in the worker until the manager is closed", async () => {
    const client = newClient();
    const gpu = await client.openGpu();
    const worker = workers.at(-1)!;
    const sent = vi.spyOn(worker, "postMessage");
    const openWith = (signal: AbortSignal) => client.open("shapes", { gpu, dtype: "f32", signal });
    const kept = await openWith(new AbortController().signal);
    const closed = await openWith(new AbortController().signal);
    closed.dispose();
    await kept.offload();
    const calls = sent.mock.calls.map(([message]) => message as ToWorker);
    const signals = calls.flatMap((call) => (call.kind === "call" ? call.signals : []));
    expect(signals).toHaveLength(2);
    const aborted = vi.spyOn(AbortController.prototype, "abort");
    for (const { id } of signals) worker.postMessage({ kind: "abort", signal: id });
    await kept.offload();
    expect(aborted).toHaveBeenCalledTimes(1);
    aborted.mockRestore();
  });
});

describe("a worker that crashes", () => {
  it("rejects all pending calls, and is started again with the next call, which opens the models again", async () => {
    const warnings: string[] = [];
    const { script, manager, worker } = await open({ onWarning: (message) => warnings.push(message) });
    const pending = [script.hang({}), script.hang({})];
    const errors = pending.map(rejection);
    await script.whether({});
    worker.emit({ type: "error", message: "Uncaught RangeError: too deep", filename: "browser-worker.js", lineno: 7 });
    for (const error of (await Promise.all(errors)) as WorkerError[]) {
      expect(error).toBeInstanceOf(WorkerError);
      expect(error.code).toBe("worker/crashed");
      expect(error.message).toBe("The worker crashed: Uncaught RangeError: too deep (browser-worker.js:7).");
      expect(error.advice).toContain("the next call starts the worker");
    }
    expect(worker.isTerminated).toBe(true);
    expect(warnings).toEqual([]);
    // Two calls at once open the models once.
    expect(await Promise.all([script.whether({}), manager.offload()])).toEqual([true, "never"]);
    expect(workers).toHaveLength(2);
    expect(warnings).toEqual([expect.stringMatching(/^The worker crashed: .* It is started again\.$/)]);
  });

  it("is noticed by a message that cannot be read", async () => {
    const { script, worker } = await open();
    const error = rejection(script.hang({}));
    await script.whether({});
    worker.emit({ type: "messageerror" });
    expect(await error).toMatchObject({ code: "worker/crashed" });
  });
});

describe("a worker that does not start", () => {
  const starts: readonly [string, () => SilentWorker, RegExp][] = [
    [
      "its constructor throws",
      () => {
        throw new TypeError("blocked by worker-src");
      },
      /^The worker could not be started: blocked by worker-src\.$/,
    ],
    ["its script is missing", () => emitting({ type: "error" }), /its script could not be loaded/],
    ["its script throws", () => emitting({ type: "error", message: "SyntaxError: x" }), /SyntaxError: x/],
    [
      "it is of another version",
      () => emitting({ type: "message", data: { kind: "ready", protocol: PROTOCOL + 1 } }),
      /another version of the package\. Use the worker of the same version/,
    ],
  ];

  function emitting(event: Parameters<SilentWorker["emit"]>[0]): SilentWorker {
    const worker = new SilentWorker();
    setImmediate(() => {
      worker.emit(event);
    });
    return worker;
  }

  it.each(starts)("is said: %s", async (_, worker, message) => {
    let starts = 0;
    const client = newClient({
      worker: () => (starts++ === 0 ? worker() : new FakeWorker()),
      onWarning: () => undefined,
    });
    const error = (await rejection(client.listCache("no-such-folder"))) as WorkerError;
    expect(error).toBeInstanceOf(WorkerError);
    expect(error.code).toBe("worker/not-started");
    expect(error.message).toMatch(message);
    expect(await client.listCache("no-such-folder")).toEqual([]);
  });

  it("is said if its script never answers, and only then", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const silent = new SilentWorker();
      const pending = rejection(newClient({ worker: () => silent, startTimeout: 1000 }).listCache());
      silent.emit({ type: "message", data: "a message of its own" });
      vi.advanceTimersByTime(999);
      expect(await Promise.race([pending, Promise.resolve("pending")])).toBe("pending");
      vi.advanceTimersByTime(2);
      expect(await pending).toMatchObject({
        code: "worker/not-started",
        advice: expect.stringContaining("startTimeout") as string,
      });
      expect((await pending) as Error).toHaveProperty("message", expect.stringContaining("not answered for 1 s."));

      const slow = new SilentWorker();
      const call = newClient({ worker: () => slow, startTimeout: 1000 }).listCache();
      vi.advanceTimersByTime(900);
      slow.emit({ type: "message", data: { kind: "ready", protocol: PROTOCOL } });
      vi.advanceTimersByTime(100_000);
      slow.emit({ type: "message", data: { kind: "result", id: (slow.sent[0] as { id: number }).id, value: [] } });
      expect(await call).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
    expect(() => createWorkerClient({ startTimeout: 0 })).toThrow(/^startTimeout must be a number of milliseconds/);
  });

  it("is said where there are no workers", async () => {
    const client = createWorkerClient();
    expect(await rejection(client.listCache())).toMatchObject({
      code: "worker/not-started",
      message: expect.stringContaining("no Web Workers") as string,
    });
  });
});

describe("a device that is lost in a worker", () => {
  it("rejects running calls, and is opened again with the next call", async () => {
    const client = newClient();
    const gpu = await client.openGpu();
    const manager = await client.open("shapes", { gpu, dtype: "f32" });
    const script = manager.script("Test");
    const running = rejection(manager.script("BasicInference").run("a red circle", { seed: 1 }));
    await script.loseDevice();
    expect(await running).toBeInstanceOf(DeviceLostError);
    const image = await manager.script("BasicInference").run("a red circle", { priorSteps: 2, decoderSteps: 1 });
    expect(image.get(0)!.get(0)).toHaveLength(1);
    expect((await gpu.memory()).liveBytes).toBeGreaterThan(0);
    expect(workers).toHaveLength(1);
  });
});

describe("what was disposed", () => {
  it("rejects running and later calls: a manager, a device, a client", async () => {
    const { client, manager, script } = await open();
    const gpu = await client.openGpu();
    gpu.dispose();
    expect(await rejection(gpu.memory())).toMatchObject({ name: "DisposedError", code: "device/disposed" });
    expect(await rejection(client.open("shapes", { gpu }))).toMatchObject({ code: "device/disposed" });
    const running = rejection(manager.script("BasicInference").run("a red circle", { seed: 1 }));
    await script.whether({});
    manager.dispose();
    manager.dispose();
    expect(await running).toMatchObject({ name: "DisposedError", code: "manager/disposed" });
    expect(await rejection(script.whether({}))).toMatchObject({ code: "manager/disposed" });
    const other = await client.open("shapes", { dtype: "f32" });
    const hanging = rejection(other.script("Test").hang({}));
    await other.offload();
    client.dispose();
    for (const error of [await hanging, await rejection(other.offload()), await rejection(client.listCache())]) {
      expect(error).toBeInstanceOf(DisposedError);
      expect(error).toBeInstanceOf(Dalle2Error);
      expect((error as DisposedError).code).toBe("worker/disposed");
    }
  });
});
