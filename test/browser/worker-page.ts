// Runs in the browser: a page that has nothing of the library but the client of a worker.
import { createWorkerClient } from "../../src/worker/client.js";
import { ArgumentError } from "../../src/platform/arguments.js";
import { FileError } from "../../src/platform/errors.js";
import { WorkerError } from "../../src/worker/worker-error.js";
import type { Crash } from "./worker.js";

const QUICK = { priorSteps: 2, decoderSteps: [2, 1], seed: 1 };
const PROMPT = "a red circle on a white background";

/** A task of this page's scripts that blocked it, in milliseconds. */
interface LongTask {
  readonly duration: number;
  readonly invoker: string;
}

/** What Chromium says of a frame that took long (Long Animation Frames API). */
interface LongFrame extends PerformanceEntry {
  readonly scripts: readonly { readonly duration: number; readonly invoker: string }[];
}

function watchTasks(): () => LongTask[] {
  const tasks: LongTask[] = [];
  const add = (entries: readonly PerformanceEntry[]): void => {
    for (const entry of entries)
      for (const { duration, invoker } of (entry as LongFrame).scripts) tasks.push({ duration, invoker });
  };
  const observer = new PerformanceObserver((list) => {
    add(list.getEntries());
  });
  observer.observe({ type: "long-animation-frame", buffered: true });
  return () => {
    add(observer.takeRecords());
    observer.disconnect();
    return tasks.filter(({ duration }) => duration > 50);
  };
}

/** The error that a call rejects with, as JSON, and the classes that it is an instance of. */
async function rejection(call: Promise<unknown>) {
  try {
    await call;
  } catch (error) {
    const classes = [ArgumentError, FileError, WorkerError].filter((one) => error instanceof one);
    const { code, message } = error as { readonly code?: string; readonly message?: string };
    return { code, message, classes: classes.map(({ name }) => name) };
  }
  throw new WorkerError("the call did not reject");
}

const tests = {
  /** Everything that a page does with a worker. */
  async run() {
    const longTasks = watchTasks();
    const warnings: string[] = [];
    const client = createWorkerClient<{ readonly Crash: typeof Crash }>({
      onWarning: (message) => warnings.push(message),
    });
    const files = new Set<string>();
    const manager = await client.open("shapes", { onProgress: ({ file }) => files.add(new URL(file).pathname) });
    const script = manager.script("BasicInference");
    const previews: number[] = [];
    const images = await script.run(PROMPT, {
      ...QUICK,
      previewEvery: 1,
      onProgress: ({ preview = [] }) => {
        previews.push(...preview.map(({ width }) => width));
      },
    });
    const image = images.get(0)!.get(0)![0]!;
    const png = await client.encodeImage(image, { text: { Seed: String(image.seed) } });
    const read = await client.decodeImage(new Blob([png]));

    const controller = new AbortController();
    const aborted = script.run(PROMPT, {
      signal: controller.signal,
      onProgress: () => {
        controller.abort(new WorkerError("aborted by the page"));
      },
    });
    const errors = {
      aborted: await rejection(aborted),
      argument: await rejection(script.run(PROMPT, { priorSteps: 0 })),
      file: await rejection(client.open("no-such-file.json")),
    };
    const crash = manager.script("Crash");
    const thrown = await rejection(crash.throwLater());
    const closed = await rejection(crash.close());
    await crash.loseDevice();
    const { live } = await manager.gpu.memory();
    client.dispose();
    return {
      live,
      size: [image.width, image.height, image.data.length],
      isRead: read.width === image.width && read.data.some((byte) => byte !== read.data[0]),
      previews,
      files: [...files],
      errors: { ...errors, thrown, closed },
      warnings,
      longTasks: longTasks(),
    };
  },

  /** Starts a worker for one call. */
  async start() {
    const client = createWorkerClient();
    try {
      return await client.listCache("no-such-folder");
    } catch (error) {
      return (error as WorkerError).toJSON();
    } finally {
      client.dispose();
    }
  },
};

export type WorkerPageTests = typeof tests;

Object.assign(globalThis, { workerTests: tests });
