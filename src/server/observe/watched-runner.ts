import type { Job, JobEvents, JobProgress } from "../jobs/job.js";
import type { JobRunner } from "../jobs/job-runner.js";
import { ServerError } from "../server-error.js";
import type { JobOutcome, Metrics } from "./metrics.js";

/** A runner whose jobs are counted and timed, by model. `now` gives milliseconds. */
export function watchedRunner(runner: JobRunner, metrics: Metrics, now: () => number): JobRunner {
  return {
    models: () => runner.models(),
    describe: (model, signal) => runner.describe(model, signal),
    status: () => runner.status(),
    close: (options) => runner.close(options),
    async run(job) {
      const clock = new StageClock(now);
      let outcome: JobOutcome = "failed";
      let isServed = true;
      try {
        const images = await runner.run({ ...job, events: clock.watch(job.events) });
        outcome = "done";
        metrics.images.inc({ model: job.model }, images.length);
        return images;
      } catch (error) {
        outcome = outcomeOf(error, job);
        isServed = !(error instanceof ServerError && error.code === "unknown-model");
        throw error;
      } finally {
        // Strangers may ask for any number of names.
        const model = isServed ? job.model : "unknown";
        metrics.jobs.inc({ model, outcome });
        if (outcome === "done") {
          for (const [stage, ms] of clock.end()) metrics.stageSeconds.observe({ model, stage }, ms / 1000);
        }
      }
    },
  };
}

function outcomeOf(error: unknown, { signal }: Job): JobOutcome {
  if (signal.aborted) return "aborted";
  return error instanceof ServerError && error.status !== 500 ? "refused" : "failed";
}

/** Measures how long a job is in each stage, by its events. */
class StageClock {
  readonly #spent = new Map<string, number>();
  readonly #start: number;
  #since: number;
  /** What the time until the next event is spent on, unless that event is a sampling step. */
  #stage = "waiting";

  constructor(private readonly now: () => number) {
    this.#start = now();
    this.#since = this.#start;
  }

  watch(events: JobEvents): JobEvents {
    return {
      ...events,
      onStage: (stage) => {
        this.#spend(this.#stage);
        this.#stage = stage.stage;
        events.onStage?.(stage);
      },
      onProgress: (progress) => {
        this.#spend(networkOf(progress));
        this.#stage = "finishing";
        events.onProgress?.(progress);
      },
    };
  }

  /** The milliseconds of each stage, and of all. */
  end(): readonly (readonly [stage: string, ms: number])[] {
    this.#spend(this.#stage);
    return [...this.#spent, ["all", this.#since - this.#start]];
  }

  #spend(stage: string): void {
    const now = this.now();
    this.#spent.set(stage, (this.#spent.get(stage) ?? 0) + now - this.#since);
    this.#since = now;
  }
}

function networkOf({ phase, unetNumber }: JobProgress): string {
  return phase === "prior" ? "prior" : `unet${unetNumber ?? 1}`;
}
