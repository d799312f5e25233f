import { makeImage } from "../../../src/image/image.js";
import type { Engine, JobEvents, OpenModel, OpenOptions } from "../../../web/src/engine/engine.js";
import { type ImageRequest, requestSize } from "dalle2-webgpu/requests";

/** A promise that the test settles. */
export interface Settable<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** A model that is being opened. */
export interface FakeOpening extends Settable<undefined> {
  readonly config: unknown;
  readonly options: OpenOptions;
}

/** A job that runs. */
export interface FakeRun extends Settable<undefined> {
  readonly request: ImageRequest;
  readonly events: JobEvents;
}

export function settable<T>(): Settable<T> {
  let resolve: Settable<T>["resolve"] = () => undefined;
  let reject: Settable<T>["reject"] = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** Lets everything happen that waits for nothing. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** An image of a request, by its index in the job. */
export function fakeImage(index: number) {
  const parameters = { script: "Fake", tuning: "none" };
  return { ...makeImage(2, 2, 3, new Uint8Array(12).fill(index)), seed: index, parameters };
}

/** An engine that does what the test says: what is opened and run waits until the test settles it. */
export class FakeEngine {
  readonly openings: FakeOpening[] = [];
  readonly runs: FakeRun[] = [];
  disposed = 0;

  readonly engine = {
    open: async (config: unknown, options: OpenOptions = {}): Promise<OpenModel> => {
      const opening = { ...settable<undefined>(), config, options };
      this.openings.push(opening);
      options.signal?.addEventListener("abort", () => {
        opening.reject(options.signal?.reason);
      });
      await opening.promise;
      return this.#model();
    },
  } as unknown as Engine;

  /** The newest. */
  get opening(): FakeOpening {
    return this.openings.at(-1)!;
  }

  get run(): FakeRun {
    return this.runs.at(-1)!;
  }

  /** Ends the newest job with all its images. */
  finish(): void {
    const { request, events, resolve } = this.run;
    for (let i = 0; i < requestSize(request); i++) events.onImage(fakeImage(i), i);
    resolve(undefined);
  }

  #model(): OpenModel {
    return {
      device: { adapter: { vendor: "fake", architecture: "none", device: "", description: "" }, tuning: "none" },
      prior: undefined,
      decoder: {
        unets: [{}, {}],
        settings: [
          { steps: 10, condScale: 2 },
          { steps: 5, condScale: 1 },
        ],
      },
      clip: undefined,
      dtype: "f32",
      run: async (request: ImageRequest, events: JobEvents) => {
        const run = { ...settable<undefined>(), request, events };
        this.runs.push(run);
        events.signal.addEventListener("abort", () => {
          run.reject(events.signal.reason);
        });
        await run.promise;
        return [];
      },
      encode: () => Promise.resolve(new Blob(["png"])),
      dispose: () => {
        this.disposed++;
      },
    } as unknown as OpenModel;
  }
}
