import { hideSecrets } from "../../platform/secrets.js";
import type { ImageRequest } from "../../requests/request.js";
import type { JobRunner } from "../jobs/job-runner.js";
import type { QueueConnection } from "./connection.js";
import { inputFiles, parseJobData, unpackRequest, type GenerateData, type JobData } from "./job-data.js";
import type { JobFiles } from "./job-files.js";
import { JobReporter } from "./job-reporter.js";
import { giveBack, type TakenJob } from "./model-queue.js";
import { packImage, parseOutcome, type Outcome, type SentModelInfo } from "./outcome.js";
import { QueueError } from "./queue-error.js";
import type { QueueTimes } from "./queue-settings.js";
import { asAnswer } from "./sent-failure.js";

/** What the jobs of a worker share. */
export interface WorkerContext {
  readonly connection: QueueConnection;
  readonly files: JobFiles;
  /** Generates the images. */
  readonly runner: JobRunner;
  readonly times: QueueTimes;
  readonly onWarning: (message: string) => void;
}

/** Images to generate, with the request that the files of the job hold. */
interface ToGenerate extends GenerateData {
  readonly request: ImageRequest;
}

/** A job before the runner is asked. */
type Prepared = Exclude<JobData, GenerateData> | ToGenerate | { readonly kind: "over"; readonly outcome: Outcome };

/** How an attempt ended. */
export type AttemptEnd = "done" | "failed" | "not-opened" | "given-back";

/** Seconds that the description of a model is kept after a worker wrote it. */
const INFO_SECONDS = 600;

/** Why a job is stopped. */
const CANCELLED = new QueueError("The job was cancelled.", { code: "queue/stalled" });
const GIVEN_BACK = new QueueError("The worker is closing.", { code: "queue/stalled" });

/** An attempt to run a job, on this worker. */
export class RunningJob {
  readonly #controller = new AbortController();
  readonly #reporter: JobReporter;
  /** Undefined if the job is damaged. */
  readonly data: JobData | undefined;
  readonly #damage: unknown;
  readonly #id: string;
  /** What `prepare` found: an outcome, or what is to be computed. */
  #prepared: Promise<Prepared> | undefined;

  constructor(
    private readonly taken: TakenJob,
    private readonly context: WorkerContext,
  ) {
    const { queued } = taken;
    try {
      this.data = parseJobData(queued.data);
    } catch (error) {
      this.#damage = error;
    }
    this.#id = this.data?.id ?? queued.id ?? "";
    this.#reporter = new JobReporter(context.connection, context.files, this.#id);
  }

  get id(): string {
    return this.#id;
  }

  /** Stops it: nobody wants it any more. */
  cancel(): void {
    this.#controller.abort(CANCELLED);
  }

  /** Stops it, so that another worker runs it. */
  giveBack(): void {
    this.#controller.abort(GIVEN_BACK);
  }

  /** Renews the lock. If that fails, another worker may run the job too; who is first writes its outcome. */
  async renew(lockMs: number): Promise<void> {
    await this.taken.queued.extendLock(this.taken.token, lockMs);
  }

  /** Reads what it needs, so that `run` asks the runner at once. Does not reject: `run` says what failed. */
  async prepare(): Promise<void> {
    if (this.data) this.#prepared ??= this.#prepare(this.data);
    await this.#prepared?.catch(() => undefined);
  }

  /** Runs it to its end. Rejects only if Redis cannot be reached to say so. */
  async run(): Promise<AttemptEnd> {
    const { queued, token } = this.taken;
    const { deferredFailure } = queued as { readonly deferredFailure?: string };
    if (deferredFailure !== undefined || !this.data) {
      const error = this.data
        ? new QueueError(`Workers ended in the middle of the job ${queued.stalledCounter} times.`, {
            code: "queue/stalled",
          })
        : this.#damage;
      const { UnrecoverableError } = this.context.connection.libraries.bullmq;
      await queued.moveToFailed(new UnrecoverableError(messageOf(error)), token);
      this.#reporter.send({ kind: "over" });
      return "failed";
    }
    try {
      await this.#finish(await this.#outcome(this.data), this.data);
      return "done";
    } catch (error) {
      return await this.#failed(error, this.data);
    }
  }

  async #prepare(data: JobData): Promise<Prepared> {
    const { connection, files } = this.context;
    const { redis, names } = connection;
    const [written, cancelled] = await redis.mget(names.outcome(data.id), names.cancelled(data.id));
    const outcome = parseOutcome(written);
    // Its last worker lost the lock, and finished it all the same.
    if (outcome) return { kind: "over", outcome };
    if (typeof cancelled === "string") return { kind: "over", outcome: { kind: "cancelled" } };
    return data.kind === "describe" ? data : { ...data, request: await unpackRequest(data, files) };
  }

  async #outcome(data: JobData): Promise<Outcome> {
    const prepared = await (this.#prepared ??= this.#prepare(data));
    if (prepared.kind === "over") return prepared.outcome;
    this.#controller.signal.throwIfAborted();
    return prepared.kind === "describe" ? await this.#describe(prepared.model) : await this.#generate(prepared);
  }

  async #describe(model: string): Promise<Outcome> {
    const info = await this.context.runner.describe(model, this.#controller.signal);
    return { kind: "described", info };
  }

  async #generate({ id, model, owner, request, previewEvery }: ToGenerate): Promise<Outcome> {
    const { runner, files } = this.context;
    const { signal } = this.#controller;
    const images = await runner.run({
      id,
      model,
      owner,
      request,
      signal,
      events: this.#reporter.events,
      previewEvery,
    });
    const references = await Promise.all(
      images.map(async (image, i) => {
        const told = await this.#reporter.image(i)?.catch(() => undefined);
        return told ?? (await packImage(id, i, image, files));
      }),
    );
    return { kind: "images", images: references };
  }

  /** Writes the outcome, then ends the job. */
  async #finish(outcome: Outcome, data: JobData): Promise<void> {
    const { connection, times, files, onWarning } = this.context;
    const { redis, names } = connection;
    await redis.set(names.outcome(data.id), JSON.stringify(outcome), "EX", times.keepSeconds);
    this.#reporter.send({ kind: "over" });
    const { queued, token } = this.taken;
    try {
      await queued.moveToCompleted(null, token, false);
    } catch (error) {
      // The lock is lost, or Redis has forgotten the job. Its server has the outcome; who takes the job finds it too.
      onWarning(`Job ${data.id} ended after its lock was lost: ${messageOf(error)}`);
      return;
    }
    if (data.kind === "generate") await files.remove(inputFiles(data));
  }

  async #failed(error: unknown, data: JobData): Promise<AttemptEnd> {
    const { reason } = this.#controller.signal as { readonly reason?: unknown };
    if (reason === GIVEN_BACK) {
      await giveBack(this.taken);
      return "given-back";
    }
    const answer = reason === CANCELLED ? undefined : asAnswer(error);
    if (answer || reason === CANCELLED) {
      await this.#finish(answer ? { kind: "error", error: answer } : { kind: "cancelled" }, data);
      return "done";
    }
    const { queued, token } = this.taken;
    this.context.onWarning(`Job ${data.id} failed: ${messageOf(error)}`);
    const sent = new QueueError(messageOf(error), { code: "queue/stalled", cause: error });
    await queued.moveToFailed(sent, token);
    this.#reporter.send({ kind: "over" });
    return this.#reporter.hasRun ? "failed" : "not-opened";
  }
}

/** Keeps the description of a model for the servers. */
export async function keepInfo(connection: QueueConnection, info: SentModelInfo): Promise<void> {
  const { redis, names } = connection;
  await redis.set(names.info(info.name), JSON.stringify(info), "EX", INFO_SECONDS);
}

function messageOf(error: unknown): string {
  return hideSecrets(error instanceof Error ? error.message : String(error));
}
