import { orAborted } from "../../platform/or-aborted.js";
import type { JobEvents } from "../jobs/job.js";
import type { RepeatableResult, SharedJob } from "./types.js";

/** Someone who waits for a job. */
interface Waiter {
  readonly signal: AbortSignal;
  readonly events: JobEvents;
}

/** A job that several callers wait for. It is aborted when all have gone. */
export class RunningCall {
  readonly #waiters = new Set<Waiter>();
  readonly #abort = new AbortController();
  readonly #result: Promise<RepeatableResult>;

  /** Starts the work in the next turn, so that its first caller waits for it by then. */
  constructor(
    readonly fingerprint: string,
    id: string,
    work: (job: SharedJob) => Promise<RepeatableResult>,
  ) {
    this.#result = Promise.resolve().then(() => work({ id, signal: this.#abort.signal, events: this.#events() }));
    // Callers may have gone when it fails.
    this.#result.catch(() => undefined);
  }

  /** Whether all callers have gone: the job stops, and nobody else can wait for it. */
  get isAborted(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Resolves when the work has ended, whatever its end. */
  get ended(): Promise<void> {
    return this.#result.then(
      () => undefined,
      () => undefined,
    );
  }

  /** Waits for the result. Rejects as the work does, or with the reason of the caller's signal. */
  async wait(waiter: Waiter): Promise<RepeatableResult> {
    this.#waiters.add(waiter);
    try {
      return await orAborted(this.#result, waiter.signal);
    } finally {
      this.#waiters.delete(waiter);
      if (this.#waiters.size === 0) this.#abort.abort(waiter.signal.reason);
    }
  }

  #events(): Required<JobEvents> {
    const each = (tell: (events: JobEvents) => void): void => {
      for (const { events } of this.#waiters) tell(events);
    };
    return {
      onStage: (stage) => {
        each(({ onStage }) => onStage?.(stage));
      },
      onProgress: (progress) => {
        each(({ onProgress }) => onProgress?.(progress));
      },
      onPreview: (preview, index) => {
        each(({ onPreview }) => onPreview?.(preview, index));
      },
      onImage: (image, index) => {
        each(({ onImage }) => onImage?.(image, index));
      },
      onWarning: (message) => {
        each(({ onWarning }) => onWarning?.(message));
      },
    };
  }
}
