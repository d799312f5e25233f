import { count } from "../platform/arguments.js";
import type { Preview } from "../diffusion/denoise.js";
import type { ByteRounding, RgbImage } from "../image/image.js";
import type { Batch } from "./batches.js";
import { networkName, type TimeEstimate } from "./time-estimate.js";
import { readImages } from "./generated-image.js";
import type { CallOptions, ScriptProgress } from "./script-options.js";

/** What is reported of a call. */
export interface ReportOptions extends Pick<CallOptions, "onProgress" | "previewEvery"> {
  /** How values of previews become bytes. Default: fractions are dropped. */
  readonly byteRounding?: ByteRounding | undefined;
}

/** Reports the sampling steps of a call to `onProgress`, with the time left and previews. */
export class Reporter {
  /** Preview for the next report. */
  #preview: readonly RgbImage[] | undefined;
  /** Maximum number of rows in a batch, as far as is known. */
  #maxRows: number;
  /** Batches that are done. */
  #done = 0;
  /** Batches in all. */
  #batches: number;
  /** Rows of the current batch. */
  #rows = 0;
  /** Index of the first row. */
  #first = 0;
  /** Rows that each network has computed in this batch. */
  #rowsOfNetwork = new Map<string, number>();

  /** Throws `ArgumentError` if `previewEvery` is not a positive whole number. */
  constructor(
    private readonly options: ReportOptions,
    private readonly timeEstimate: TimeEstimate,
    private readonly planned: readonly Batch[],
  ) {
    count("previewEvery", options.previewEvery ?? 1);
    this.#batches = planned.length;
    this.#maxRows = Math.max(0, ...planned.map(sizeOf));
  }

  /**
   * Runs `body`, which computes the rows `start` to `end` of a planned batch. A part of a batch counts as a batch. If `body`
   * fails, the time estimate counts its steps once more.
   */
  async batch<T>(batch: Batch, start: number, end: number, body: () => Promise<T>): Promise<T> {
    this.#rows = end - start;
    this.#first = batch.start + start;
    if (end < sizeOf(batch)) this.#maxRows = this.#rows;
    const left = [sizeOf(batch) - end, ...this.planned.filter((one) => one.start >= batch.end).map(sizeOf)];
    this.#batches = left.reduce((sum, rows) => sum + Math.ceil(rows / this.#maxRows), this.#done + 1);
    this.#rowsOfNetwork.clear();
    try {
      const result = await body();
      this.#done++;
      return result;
    } catch (error) {
      for (const [network, rows] of this.#rowsOfNetwork) this.timeEstimate.repeat(network, rows);
      this.#preview = undefined;
      throw error;
    }
  }

  /** Reports a step of all rows of the batch. */
  step(progress: Pick<ScriptProgress, "phase" | "unetNumber" | "step" | "steps">): void {
    const network = networkName(progress.phase, progress.unetNumber);
    this.#repeatLost(network, progress.step);
    this.#rowsOfNetwork.set(network, progress.step * this.#rows);
    this.timeEstimate.step(network, this.#rows);
    const { millisecondsLeft } = this.timeEstimate;
    const preview = this.#preview;
    this.#preview = undefined;
    this.options.onProgress?.({
      ...progress,
      batch: this.#done + 1,
      batches: this.#batches,
      millisecondsLeft,
      ...(preview ? { preview, previewIndex: this.#first } : {}),
    });
  }

  /** Counts the steps of a network again that starts over at `step` in a batch, to compute in f32. */
  #repeatLost(network: string, step: number): void {
    const rows = (this.#rowsOfNetwork.get(network) ?? 0) - (step - 1) * this.#rows;
    if (rows > 0) this.timeEstimate.repeat(network, rows);
  }

  /** Preview options for the decoder; undefined if the caller wants no previews. */
  get preview(): Preview | undefined {
    const { previewEvery: every, onProgress, byteRounding } = this.options;
    if (every === undefined || !onProgress) return undefined;
    return {
      every,
      show: async (images) => {
        this.#preview = await readImages(images, byteRounding);
      },
    };
  }
}

function sizeOf({ start, end }: Batch): number {
  return end - start;
}
