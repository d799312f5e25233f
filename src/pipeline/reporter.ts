import { count } from "../platform/arguments.js";
import type { Preview } from "../diffusion/denoise.js";
import type { RgbImage } from "../image/image.js";
import type { Batch } from "./batches.js";
import { networkName, type TimeEstimate } from "./time-estimate.js";
import { readImages } from "./generated-image.js";
import type { CallOptions, ScriptProgress } from "./script-options.js";

/** Tells a caller of the steps of one call, with the time left and previews of images. */
export class Reporter {
  /** Images of the step that is told of next. */
  #shown: readonly RgbImage[] | undefined;
  /** Most rows at once, as far as is known. */
  #most: number;
  #done = 0;
  #batches: number;
  #rows = 0;
  /** Index of the first of them. */
  #first = 0;
  /** Rows through each network since the batch began. */
  #taken = new Map<string, number>();

  /** Throws `ArgumentError` where `previewEvery` is no number of steps. */
  constructor(
    private readonly options: Pick<CallOptions, "onProgress" | "previewEvery">,
    private readonly timeEstimate: TimeEstimate,
    private readonly planned: readonly Batch[],
  ) {
    count("previewEvery", options.previewEvery ?? 1);
    this.#batches = planned.length;
    this.#most = Math.max(0, ...planned.map(sizeOf));
  }

  /**
   * Runs `body`, which computes the rows `start` to `end` of a batch. A part of what was planned as one counts as a batch of
   * its own. Where it fails, its steps are still to be taken.
   */
  async batch<T>(batch: Batch, start: number, end: number, body: () => Promise<T>): Promise<T> {
    this.#rows = end - start;
    this.#first = batch.start + start;
    if (end < sizeOf(batch)) this.#most = this.#rows;
    const left = [sizeOf(batch) - end, ...this.planned.filter((one) => one.start >= batch.end).map(sizeOf)];
    this.#batches = left.reduce((sum, rows) => sum + Math.ceil(rows / this.#most), this.#done + 1);
    this.#taken.clear();
    try {
      const result = await body();
      this.#done++;
      return result;
    } catch (error) {
      for (const [network, rows] of this.#taken) this.timeEstimate.repeat(network, rows);
      this.#shown = undefined;
      throw error;
    }
  }

  /** Tells of a step that all rows of the batch have taken. */
  step(progress: Pick<ScriptProgress, "phase" | "unetNumber" | "step" | "steps">): void {
    const network = networkName(progress.phase, progress.unetNumber);
    if (progress.step === 1) this.#repeatLost(network);
    this.#taken.set(network, (this.#taken.get(network) ?? 0) + this.#rows);
    this.timeEstimate.step(network, this.#rows);
    const { millisecondsLeft } = this.timeEstimate;
    const preview = this.#shown;
    this.#shown = undefined;
    this.options.onProgress?.({
      ...progress,
      batch: this.#done + 1,
      batches: this.#batches,
      millisecondsLeft,
      ...(preview ? { preview, previewIndex: this.#first } : {}),
    });
  }

  /** A network that begins anew in a batch, in another type, has lost what it did. */
  #repeatLost(network: string): void {
    const rows = this.#taken.get(network);
    if (rows !== undefined) this.timeEstimate.repeat(network, rows);
    this.#taken.delete(network);
  }

  /** For the decoder; undefined where nobody asked for previews, and nothing is read back. */
  get preview(): Preview | undefined {
    const { previewEvery: every, onProgress } = this.options;
    if (every === undefined || !onProgress) return undefined;
    return {
      every,
      show: async (images) => {
        this.#shown = await readImages(images);
      },
    };
  }
}

function sizeOf({ start, end }: Batch): number {
  return end - start;
}
