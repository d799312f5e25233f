import type { JobEvents } from "../jobs/job.js";
import type { QueueConnection } from "./connection.js";
import type { JobFiles } from "./job-files.js";
import { encodeMessage, type JobMessage } from "./messages.js";
import { packImage, type ImageReference } from "./outcome.js";

/** Steps of a job that follow each other faster are not all told. */
const PROGRESS_MS = 100;

/** Tells the servers what happens to a job that this worker runs. */
export class JobReporter {
  /** Messages go one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #progressAt = -Infinity;
  #hasRun = false;
  readonly #images = new Map<number, Promise<ImageReference>>();

  constructor(
    private readonly connection: QueueConnection,
    private readonly files: JobFiles,
    private readonly id: string,
  ) {}

  /** Whether its model was open, so that sampling began. */
  get hasRun(): boolean {
    return this.#hasRun;
  }

  readonly events: JobEvents = {
    onStage: (stage) => {
      // Where it waits, the server knows.
      if (stage.stage === "waiting") return;
      if (stage.stage === "running") this.#hasRun = true;
      this.send({ kind: "stage", stage });
    },
    onProgress: (progress) => {
      this.#hasRun = true;
      const now = performance.now();
      if (progress.step < progress.steps && now - this.#progressAt < PROGRESS_MS) return;
      this.#progressAt = now;
      this.send({ kind: "progress", progress });
    },
    onPreview: ({ width, height, data }, index) => {
      this.send({ kind: "preview", index, width, height }, data);
    },
    onImage: (image, index) => {
      const packed = packImage(this.id, index, image, this.files);
      this.#images.set(index, packed);
      packed.then(
        (reference) => {
          this.send({ kind: "image", index, image: reference });
        },
        // The end of the job puts it again.
        () => this.#images.delete(index),
      );
    },
    onWarning: (message) => {
      this.send({ kind: "warning", message });
    },
  };

  /** The reference of an image that was told; undefined for others. */
  image(index: number): Promise<ImageReference> | undefined {
    return this.#images.get(index);
  }

  /** Sends a message. It is lost if the connection is: what matters is kept in keys. */
  send(message: JobMessage, pixels?: Uint8Array): void {
    const { redis, names } = this.connection;
    this.#last = this.#last
      .then(async () => {
        // Messages must not pile up.
        if (!this.connection.isReady) return;
        await redis.publish(names.events(this.id), await encodeMessage(message, pixels));
      })
      .catch(() => undefined);
  }

  /** Resolves when all messages are sent or lost. */
  async sent(): Promise<void> {
    await this.#last;
  }
}
