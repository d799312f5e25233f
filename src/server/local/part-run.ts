import type { GeneratedImage } from "../../pipeline/generated-image.js";
import { encodeRecorded, type GeneratedOn } from "../../pipeline/records/image-record.js";
import { inputsOfImage, isSeries } from "../../requests/images.js";
import type { ImageRequest } from "../../requests/request.js";
import { inputsOf, type ImageInput } from "../../requests/run.js";
import type { FinishedImage, Job, JobProgress, JobStage } from "../jobs/job.js";

/** Images of a job that are computed in a batch: those from `start` up to `end`, counted over the job. */
export interface JobPart {
  readonly job: Job;
  readonly start: number;
  readonly end: number;
}

/** What became of a part: its images in order, or why there are none. */
export type PartOutcome = PromiseSettledResult<readonly FinishedImage[]>;

/** A part while it is computed, by one batch or by several if some fail. */
export class PartRun {
  readonly #images = new Map<number, FinishedImage>();
  /** Images that are being encoded, until they are told. */
  readonly #encoding = new Map<number, Promise<void>>();
  /** The last of them. */
  #last = Promise.resolve();
  #warnings = new Set<string>();
  /** Why it gets no images. */
  #failure: { readonly reason: unknown } | undefined;

  /** `request` is that of the job, with images in the size that the model takes. */
  constructor(
    readonly part: JobPart,
    readonly request: ImageRequest,
  ) {}

  get isSeries(): boolean {
    return isSeries(this.request.parameters.task);
  }

  /** Indices of the images that are not done, counted over the job. */
  get missing(): readonly number[] {
    const { start, end } = this.part;
    const all = Array.from({ length: end - start }, (_, i) => start + i);
    return all.filter((index) => !this.#encoding.has(index));
  }

  /** What the images that are not done are generated from, if they are no series. */
  get inputs(): readonly ImageInput[] {
    const inputs = inputsOf(this.request);
    return this.missing.map((index) => inputs[index]!);
  }

  /** Whether nothing is to be done any more. */
  get isOver(): boolean {
    return this.part.job.signal.aborted || this.#failure !== undefined || this.missing.length === 0;
  }

  stage(stage: JobStage): void {
    this.#tell(({ onStage }) => onStage?.(stage));
  }

  progress(progress: JobProgress): void {
    this.#tell(({ onProgress }) => onProgress?.(progress));
  }

  preview(image: Parameters<NonNullable<Job["events"]["onPreview"]>>[0], index: number): void {
    if (this.#encoding.has(index)) return;
    this.#tell(({ onPreview }) => onPreview?.(image, index));
  }

  /** Warns the job, of each thing once. */
  warn(message: string): void {
    if (this.#warnings.has(message)) return;
    this.#warnings.add(message);
    this.#tell(({ onWarning }) => onWarning?.(message));
  }

  /** An image was generated. It is encoded beside others, and told after those that were added before. */
  add(image: GeneratedImage, index: number, generatedOn: GeneratedOn): void {
    if (this.#encoding.has(index)) return;
    this.#last = Promise.all([this.#encode(image, index, generatedOn), this.#last]).then(
      ([finished]) => {
        this.#images.set(index, finished);
        this.#tell(({ onImage }) => onImage?.(finished, index));
      },
      (reason: unknown) => {
        this.fail(reason);
      },
    );
    this.#encoding.set(index, this.#last);
  }

  async #encode(image: GeneratedImage, index: number, generatedOn: GeneratedOn): Promise<FinishedImage> {
    const { width, height, seed, parameters } = image;
    const png = await encodeRecorded(image, { generatedOn, inputs: inputsOfImage(this.request, index) });
    return { png, width, height, seed, parameters };
  }

  /** It gets no images. Only the first reason counts. */
  fail(reason: unknown): void {
    this.#failure ??= { reason };
  }

  /** What became of it, once its images are encoded. `explain` makes the reason of a failure one for callers. */
  async outcome(explain: (reason: unknown) => Error): Promise<PartOutcome> {
    await Promise.all(this.#encoding.values());
    const { signal } = this.part.job;
    if (signal.aborted) return { status: "rejected", reason: signal.reason as unknown };
    if (this.#failure) return { status: "rejected", reason: explain(this.#failure.reason) };
    const { start, end } = this.part;
    const value = Array.from({ length: end - start }, (_, i) => this.#images.get(start + i)!);
    return { status: "fulfilled", value };
  }

  /** Calls a listener of the job. One that throws fails its own job only. */
  #tell(call: (events: Job["events"]) => void): void {
    const { signal, events } = this.part.job;
    if (signal.aborted || this.#failure) return;
    try {
      call(events);
    } catch (reason) {
      this.fail(reason);
    }
  }
}
