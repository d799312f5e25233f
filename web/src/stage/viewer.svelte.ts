import type { Gallery } from "../gallery/gallery.svelte.js";
import type { Queue } from "../jobs/queue.svelte.js";
import { batchesOf, type Batch, type ShownImage } from "./batch.js";
import type { Shown } from "./shown.js";

/** What it reads and sets of the page's state. */
interface ViewedState {
  readonly queue: Queue;
  readonly gallery: Gallery;
  shown: Shown;
  isFullView: boolean;
}

/** What of all images is in view, and the way from one to the next. */
export class Viewer {
  readonly #app: ViewedState;
  /** Index in its job of the image that the pointer or the focus is on, in a grid. */
  pointedIndex: number | undefined = $state();
  /** The side of a comparison that the strip sets: 0 or 1. */
  side: 0 | 1 = $state(1);
  /** The image of the gallery that was in view before. */
  previousId: string | undefined;
  #current: string | undefined;

  constructor(app: ViewedState) {
    this.#app = app;
  }

  /** Newest first. */
  readonly batches: readonly Batch[] = $derived.by(() => {
    const { queue, gallery } = this.#app;
    return batchesOf(queue.jobs, gallery.images);
  });

  /** The batch in view. */
  readonly batch: Batch | undefined = $derived.by(() => {
    const jobId = jobIdOf(this.#app.shown, this.#app.gallery);
    return jobId === undefined ? undefined : this.batches.find((batch) => batch.jobId === jobId);
  });

  /** The image that fills the stage; undefined while there is a grid, or nothing. */
  readonly image: ShownImage | undefined = $derived.by(() => {
    const { batch } = this;
    const { shown } = this.#app;
    if (!batch) return undefined;
    if (batch.images.length === 1 && (batch.job?.size ?? 1) === 1) return batch.images[0];
    if (shown.kind === "image") return batch.images.find(({ kept }) => kept?.id === shown.id);
    return shown.kind === "batch" ? batch.images.find(({ index }) => index === shown.index) : undefined;
  });

  /** What actions and keys act on: the image in view, or the one that is pointed at in a grid. */
  readonly target: ShownImage | undefined = $derived(
    this.image ?? this.batch?.images.find(({ index }) => index === this.pointedIndex),
  );

  /** Shows a batch; with an index, one of its images. */
  show(jobId: string, index?: number): void {
    this.pointedIndex = undefined;
    this.#app.shown = { kind: "batch", jobId, index };
  }

  /** Shows an image of the gallery; in a comparison, on the side that is chosen. */
  choose(batch: Batch): void {
    const { shown } = this.#app;
    const id = batch.images.find(({ kept }) => kept)?.kept?.id;
    if (shown.kind !== "compare" || id === undefined) {
      this.show(batch.jobId);
      return;
    }
    this.#app.shown = this.withSide(shown.ids, id);
  }

  /** A comparison with an image on the side that is chosen. */
  withSide([left, right]: readonly [string, string], id: string): Shown {
    return { kind: "compare", ids: this.side === 0 ? [id, right] : [left, id] };
  }

  /** Notes which image of the gallery is in view, to compare the next one with. */
  note(id: string): void {
    if (id === this.#current) return;
    this.previousId = this.#current;
    this.#current = id;
  }

  /** The images in the order of the strip, one after the other. */
  get #all(): readonly ShownImage[] {
    return this.batches.flatMap(({ images }) => images);
  }

  /** Goes to the next image, or with -1 to the one before. From a grid: to the next batch. */
  page(by: 1 | -1): void {
    const { image, batch } = this;
    if (image) {
      const all = this.#all;
      const next = all[all.findIndex((one) => one.jobId === image.jobId && one.index === image.index) + by];
      if (next) this.show(next.jobId, next.index);
    } else {
      const next = this.batches[batch ? this.batches.indexOf(batch) + by : 0];
      if (next) this.show(next.jobId);
    }
  }

  /** Goes back one level: full view, comparison, image, grid, nothing. Returns whether there was one. */
  back(): boolean {
    const { shown } = this.#app;
    if (this.#app.isFullView) this.#app.isFullView = false;
    else if (shown.kind === "compare") this.#app.shown = { kind: "image", id: shown.ids[0] };
    else if (this.image && this.batch && this.batch.images.length > 1) this.show(this.batch.jobId);
    else return false;
    return true;
  }

  /** What to show when an image goes away: the next one, or the one before. */
  neighbour(id: string): Shown {
    const all = this.#all;
    const at = all.findIndex(({ kept }) => kept?.id === id);
    const next = all[at + 1] ?? all[at - 1];
    return next ? { kind: "batch", jobId: next.jobId, index: next.index } : { kind: "nothing" };
  }
}

function jobIdOf(shown: Shown, gallery: Gallery): string | undefined {
  switch (shown.kind) {
    case "job":
      return shown.job.id;
    case "batch":
      return shown.jobId;
    case "image":
      return gallery.find(shown.id)?.jobId;
    default:
      return undefined;
  }
}
