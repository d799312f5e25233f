import { unionOf, wholeArea, type Area, type Rect, type Size } from "./areas.js";
import { applyPatch, diff, type Patch } from "./patch.js";

/** How many steps can be undone. */
const UNDO_STEPS = 50;

/** What happens to the pixels of a shape. */
export type Marking = "generate" | "keep";

/** The mask of an image: a layer of its own, so the image below it never changes. */
export class MaskLayer implements Size {
  readonly width: number;
  readonly height: number;
  /** Row by row: 1 where a pixel is kept, 0 where it is generated. Read it after reading `version`, which says when it changed. */
  readonly kept: Uint8Array;
  /** Grows with each change. */
  version: number = $state(0);
  #keptCount: number = $state(0);
  #past: readonly Patch[] = $state.raw([]);
  #future: readonly Patch[] = $state.raw([]);
  /** The mask before the step in hand. */
  #before: Uint8Array | undefined;
  /** What the step in hand may have changed. */
  #touched: Rect | undefined;
  #unseen: Rect | undefined;

  /** Everything is kept, unless `kept` is given. */
  constructor(width: number, height: number, kept?: Uint8Array) {
    this.width = width;
    this.height = height;
    this.kept = new Uint8Array(width * height).fill(1);
    if (kept) for (const [i, value] of kept.entries()) this.kept[i] = value === 0 ? 0 : 1;
    this.#keptCount = this.kept.reduce((sum, value) => sum + value, 0);
    this.#unseen = this.#all;
  }

  /** Share of the pixels that is generated, 0 to 1. */
  get share(): number {
    return 1 - this.#keptCount / (this.width * this.height);
  }

  get canUndo(): boolean {
    return this.#past.length > 0;
  }

  get canRedo(): boolean {
    return this.#future.length > 0;
  }

  /** Whether a step is in hand. */
  get isChanging(): boolean {
    return this.#before !== undefined;
  }

  /** Begins a step of several changes, such as a stroke: they are undone together. */
  begin(): void {
    this.end();
    this.#before = this.kept.slice();
    this.#touched = undefined;
  }

  /** Ends the step in hand, if there is one. It can be undone if it changed anything. */
  end(): void {
    const before = this.#before;
    this.#before = undefined;
    if (!before || !this.#touched) return;
    const patch = diff(before, this.kept, this.width, this.#touched);
    if (!patch) return;
    this.#past = [...this.#past, patch].slice(-UNDO_STEPS);
    this.#future = [];
  }

  /** Takes back the step in hand, as if it had never begun. */
  cancel(): void {
    const before = this.#before;
    this.#before = undefined;
    if (!before || !this.#touched) return;
    const patch = diff(before, this.kept, this.width, this.#touched);
    if (patch) this.#apply(patch);
  }

  /** Marks the pixels of a shape, in the step in hand or in one of its own. */
  mark(area: Area, marking: Marking): void {
    this.#step(() => {
      const value = marking === "keep" ? 1 : 0;
      let count = 0;
      let touched: Rect | undefined;
      area(this, (y, start, end) => {
        const row = y * this.width;
        for (let pixel = row + start; pixel < row + end; pixel++) {
          if (this.kept[pixel] === value) continue;
          this.kept[pixel] = value;
          count++;
        }
        touched = unionOf(touched, { left: start, top: y, right: end, bottom: y + 1 });
      });
      if (count === 0 || !touched) return;
      this.#keptCount += marking === "keep" ? count : -count;
      this.#touch(touched);
    });
  }

  /** Keeps everything. */
  clear(): void {
    this.mark(wholeArea, "keep");
  }

  /** Generates everything. */
  fill(): void {
    this.mark(wholeArea, "generate");
  }

  /** Keeps what was generated, and generates what was kept. */
  invert(): void {
    this.replace(this.kept.map((value) => 1 - value));
  }

  /** Takes another mask of the same size. */
  replace(kept: Uint8Array): void {
    this.#step(() => {
      let count = 0;
      for (let i = 0; i < this.kept.length; i++) {
        const value = kept[i] === 0 ? 0 : 1;
        this.kept[i] = value;
        count += value;
      }
      this.#keptCount = count;
      this.#touch(this.#all);
    });
  }

  /** Takes the last step back. */
  undo(): void {
    this.end();
    const patch = this.#past.at(-1);
    if (!patch) return;
    this.#past = this.#past.slice(0, -1);
    this.#future = [...this.#future, patch];
    this.#apply(patch);
  }

  /** Does again what was undone last. */
  redo(): void {
    this.end();
    const patch = this.#future.at(-1);
    if (!patch) return;
    this.#future = this.#future.slice(0, -1);
    this.#past = [...this.#past, patch];
    this.#apply(patch);
  }

  /** The mask for a job: later changes do not reach it. */
  values(): Uint8Array {
    return this.kept.slice();
  }

  /** Whether a pixel is kept. Pixels outside are. */
  isKept(x: number, y: number): boolean {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return true;
    return this.kept[y * this.width + x] === 1;
  }

  /** Returns what changed since the last call, for whoever shows the mask; undefined if nothing did. */
  takeChanges(): Rect | undefined {
    const changes = this.#unseen;
    this.#unseen = undefined;
    return changes;
  }

  get #all(): Rect {
    return { left: 0, top: 0, right: this.width, bottom: this.height };
  }

  #step(change: () => void): void {
    const isOwn = !this.isChanging;
    if (isOwn) this.begin();
    change();
    if (isOwn) this.end();
  }

  #apply(patch: Patch): void {
    this.#keptCount += applyPatch(this.kept, this.width, patch);
    this.#touch(patch.rect);
  }

  #touch(rect: Rect): void {
    this.#touched = unionOf(this.#touched, rect);
    this.#unseen = unionOf(this.#unseen, rect);
    this.version++;
  }
}
