import type { Preview } from "../diffusion/denoise.js";
import type { RgbImage } from "../image/image.js";
import { networkName, type Estimate } from "./estimate.js";
import { readImages } from "./picture.js";
import type { CallOptions, ScriptProgress } from "./script-options.js";

/** Tells a caller of the steps of one call, with the time left and previews of pictures. */
export class Reporter {
  /** Pictures of the step that is told of next. */
  #shown: readonly RgbImage[] | undefined;

  /** Throws RangeError where `previewEvery` is no number of steps. */
  constructor(
    private readonly options: Pick<CallOptions, "onProgress" | "previewEvery">,
    private readonly estimate: Estimate,
    private readonly batches: number,
  ) {
    const { previewEvery = 1 } = options;
    if (!Number.isInteger(previewEvery) || previewEvery < 1) {
      throw new RangeError(`previewEvery must be a whole number of at least 1, not ${previewEvery}.`);
    }
  }

  /** Tells of a step that `rows` rows have taken. */
  step(progress: Pick<ScriptProgress, "phase" | "unetNumber" | "step" | "steps" | "batch">, rows: number): void {
    this.estimate.step(networkName(progress.phase, progress.unetNumber), rows);
    const { millisecondsLeft } = this.estimate;
    const preview = this.#shown;
    this.#shown = undefined;
    this.options.onProgress?.({
      ...progress,
      batches: this.batches,
      millisecondsLeft,
      ...(preview ? { preview } : {}),
    });
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
