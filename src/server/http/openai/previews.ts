// Which previews of a job become the partial images of a stream.
import type { JobProgress } from "../../jobs/job.js";
import type { ServedModelInfo } from "../../jobs/job-runner.js";
import type { RequestSettings } from "../../../requests/request.js";

/** Chooses the previews of a job that are sent. */
export class PreviewPlan {
  /** `Job.previewEvery`; undefined if no previews are needed. */
  readonly every: number | undefined;
  /** Sampling steps of each U-Net. */
  readonly #steps: readonly number[];
  /** Share of the sampling steps that are done, 0 to 1. */
  #done = 0;
  readonly #sent = new Map<number, number>();

  /** `partialImages` are sent of each image, or, with `every`, each that is made. */
  constructor(
    info: Pick<ServedModelInfo, "decoder">,
    settings: Pick<RequestSettings, "unets" | "decoder">,
    private readonly partialImages: number,
    every: number | undefined,
  ) {
    this.#steps = stepsOfUnets(info, settings);
    this.isEach = every !== undefined;
    const total = this.#steps.reduce((sum, steps) => sum + steps, 0);
    this.every = every ?? (partialImages === 0 ? undefined : Math.max(1, Math.floor(total / (partialImages + 1) / 2)));
  }

  /** Whether each preview that is made is sent. */
  readonly isEach: boolean;

  /** Notes how far the decoder is. */
  note({ phase, unetNumber = 1, step, steps }: JobProgress): void {
    if (phase !== "decoder") return;
    const weights = this.#steps.map((known, i) => (i === unetNumber - 1 ? steps : known));
    const before = weights.slice(0, unetNumber - 1).reduce((sum, weight) => sum + weight, 0);
    this.#done = (before + step) / weights.reduce((sum, weight) => sum + weight, 0);
  }

  /** Index of the partial image that a preview of an image is; undefined if it is not sent. */
  take(image: number): number | undefined {
    const sent = this.#sent.get(image) ?? 0;
    const isDue = this.isEach || (sent < this.partialImages && this.#done >= (sent + 1) / (this.partialImages + 1));
    if (!isDue) return undefined;
    this.#sent.set(image, sent + 1);
    return sent;
  }
}

function stepsOfUnets(
  { decoder }: Pick<ServedModelInfo, "decoder">,
  asked: Pick<RequestSettings, "unets" | "decoder">,
): readonly number[] {
  return (decoder?.settings ?? []).map(({ steps }, i) => asked.unets[i]?.steps ?? asked.decoder?.steps ?? steps);
}
