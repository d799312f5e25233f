import { brushArea, lassoArea, rectangleArea, squareCorner, type Point, type Size } from "./areas.js";
import type { MaskEditor } from "./mask-editor.svelte.js";
import type { MaskLayer } from "./mask-layer.svelte.js";
import { fittingView, panBy, reveal, toImage, zoomAt, zoomOf, type View } from "./view.js";

/** A pointer in the frame, in CSS pixels from its upper left corner. */
export interface PointerAt extends Point {
  readonly id: number;
  readonly isTouch: boolean;
  readonly isShift: boolean;
}

/** What is being done with the pointer or the keyboard. */
type Activity =
  | { readonly kind: "stroke"; readonly from: Point; readonly isStraight: boolean }
  | { readonly kind: "rectangle" | "lasso" }
  | { readonly kind: "move"; readonly at: Point }
  /** Two fingers, and the time until both are up. */
  | { readonly kind: "pinch" };

/** Movements below this many CSS pixels are clicks. */
const CLICK = 4;

/** Paints the mask of an image that lies in a frame: from pointers and keys to changes of mask and view. */
export class Painting {
  readonly editor: MaskEditor;
  readonly layer: MaskLayer;
  /** Size of the frame, in CSS pixels. */
  frame: Size = $state.raw({ width: 0, height: 0 });
  view: View = $state.raw({ scale: 1, left: 0, top: 0 });
  /** Where the brush is, in pixels of the image; undefined while no pointer is over it. */
  cursor: Point | undefined = $state.raw();
  /** Corners of the rectangle (two) or lasso in hand. */
  outline: readonly Point[] = $state.raw([]);
  #activity: Activity | undefined = $state.raw();
  #pointers: readonly PointerAt[] = [];
  /** End of the last stroke: Shift and a click join it. */
  #lastEnd: Point | undefined;

  constructor(editor: MaskEditor, layer: MaskLayer) {
    this.editor = editor;
    this.layer = layer;
  }

  get zoom(): number {
    return this.frame.width === 0 ? 1 : zoomOf(this.view, this.layer, this.frame);
  }

  get isMoving(): boolean {
    return this.#activity?.kind === "move";
  }

  /** Diameter of the brush, in pixels of the image. */
  get brushSize(): number {
    return this.editor.brushSize(this.layer.width);
  }

  /** Sets the size of the frame. The image is enlarged as before. */
  resize(frame: Size): void {
    const zoom = this.zoom;
    this.frame = frame;
    const centre = { x: frame.width / 2, y: frame.height / 2 };
    this.view = zoomAt(fittingView(this.layer, frame), zoom, centre, this.layer, frame);
  }

  /** Enlarges by a factor around a point of the frame; by default its middle. */
  zoomBy(factor: number, at: Point = { x: this.frame.width / 2, y: this.frame.height / 2 }): void {
    this.view = zoomAt(this.view, factor, at, this.layer, this.frame);
  }

  /** Shows the whole image. */
  fit(): void {
    this.view = fittingView(this.layer, this.frame);
  }

  down(pointer: PointerAt, isMove = false): void {
    this.#pointers = [...this.#pointers.filter(({ id }) => id !== pointer.id), pointer];
    if (pointer.isTouch && this.#pointers.length > 1) {
      // The first finger may have painted already.
      this.cancel();
      this.#activity = { kind: "pinch" };
      return;
    }
    if (this.#activity?.kind === "pinch") return;
    const point = toImage(this.view, pointer);
    this.cursor = point;
    if (isMove || this.editor.tool === "move") this.#activity = { kind: "move", at: pointer };
    else this.#begin(point, pointer.isShift);
  }

  /** Follows a pointer through all places where it has been since the last call. */
  move(places: readonly PointerAt[]): void {
    const last = places.at(-1);
    if (!last) return;
    const before = this.#pointers.find(({ id }) => id === last.id);
    this.cursor = toImage(this.view, last);
    if (!before) return;
    if (this.#activity?.kind === "pinch") this.#pinch(last, before);
    else for (const place of places) this.#follow(place);
    this.#pointers = this.#pointers.map((one) => (one.id === last.id ? last : one));
  }

  up(pointer: PointerAt): void {
    if (!this.#forget(pointer.id)) return;
    if (this.#activity?.kind !== "pinch") this.#finish(toImage(this.view, pointer));
    else if (this.#pointers.length === 0) this.#activity = undefined;
    if (pointer.isTouch) this.cursor = undefined;
  }

  /** Takes back what is in hand. Returns whether anything was. */
  cancel(): boolean {
    const wasActive = this.#activity !== undefined || this.outline.length > 0;
    this.layer.cancel();
    this.outline = [];
    this.#activity = undefined;
    return wasActive;
  }

  /** No pointer is left, as after a lost capture. */
  release(id: number): void {
    if (this.#forget(id) && this.#pointers.length === 0) this.cancel();
  }

  /** Moves the cursor with keys, by pixels of the image. A stroke in hand follows. */
  moveCursor(dx: number, dy: number): void {
    const { width, height } = this.layer;
    const from = this.cursor ?? { x: width / 2, y: height / 2 };
    const bound = (value: number, most: number): number => Math.min(Math.max(value, 0.5), most - 0.5);
    this.cursor = { x: bound(from.x + dx, width), y: bound(from.y + dy, height) };
    this.view = reveal(this.view, this.cursor, this.layer, this.frame);
    if (this.#activity?.kind === "stroke") this.#stroke(this.cursor);
    else if (this.outline.length > 0) this.outline = [...this.outline.slice(0, -1), this.cursor];
  }

  /** Begins a stroke at the cursor, or sets a corner. A rectangle is done with its second corner, a lasso where it began. */
  press(): void {
    const { tool } = this.editor;
    if (tool === "move") return;
    this.moveCursor(0, 0);
    const at = this.cursor!;
    if (tool === "brush") {
      this.#begin(at, false);
      return;
    }
    const [first] = this.outline;
    if (!first) {
      this.outline = [at, at];
      return;
    }
    const isClosed = this.outline.length > 3 && Math.hypot(at.x - first.x, at.y - first.y) < 1;
    if (tool === "rectangle" || isClosed) this.closeShape();
    else this.outline = [...this.outline, at];
  }

  /** Ends a stroke that `press` began. */
  lift(): void {
    const activity = this.#activity;
    // A pointer that leaves the frame takes the cursor away.
    if (activity?.kind === "stroke" && this.#pointers.length === 0) this.#finish(this.cursor ?? activity.from);
  }

  /** Fills the rectangle or lasso in hand. */
  closeShape(): void {
    const { tool, marking } = this.editor;
    const [from, to] = this.outline;
    if (from && to) {
      this.layer.mark(tool === "rectangle" ? rectangleArea(from, to) : lassoArea(this.outline), marking);
    }
    this.outline = [];
  }

  /** Returns whether the pointer was down. */
  #forget(pointerId: number): boolean {
    const before = this.#pointers;
    this.#pointers = before.filter(({ id }) => id !== pointerId);
    return this.#pointers.length < before.length;
  }

  #begin(point: Point, isStraight: boolean): void {
    const { tool } = this.editor;
    if (tool === "rectangle" || tool === "lasso") {
      this.#activity = { kind: tool };
      this.outline = [point, point];
      return;
    }
    this.#activity = { kind: "stroke", from: point, isStraight };
    this.layer.begin();
    this.#brush(point, point);
  }

  #follow(place: PointerAt): void {
    const activity = this.#activity;
    const point = toImage(this.view, place);
    const [first] = this.outline;
    if (activity?.kind === "stroke") this.#stroke(point);
    else if (activity?.kind === "lasso") this.outline = [...this.outline, point];
    else if (activity?.kind === "rectangle" && first) {
      this.outline = [first, place.isShift ? squareCorner(first, point) : point];
    } else if (activity?.kind === "move") {
      this.view = panBy(this.view, place.x - activity.at.x, place.y - activity.at.y, this.layer, this.frame);
      this.#activity = { kind: "move", at: place };
    }
  }

  #stroke(point: Point): void {
    const activity = this.#activity;
    if (activity?.kind !== "stroke") return;
    if (activity.isStraight) {
      // The line goes with the pointer until it is up.
      this.layer.cancel();
      this.layer.begin();
    }
    this.#brush(activity.from, point);
    if (!activity.isStraight) this.#activity = { ...activity, from: point };
  }

  #finish(point: Point): void {
    const activity = this.#activity;
    if (activity?.kind === "stroke") {
      const distance = Math.hypot(point.x - activity.from.x, point.y - activity.from.y) * this.view.scale;
      if (activity.isStraight && distance < CLICK && this.#lastEnd) this.#brush(this.#lastEnd, point);
      this.#lastEnd = point;
      this.layer.end();
    } else if (this.#isOutlined) this.closeShape();
    this.outline = [];
    this.#activity = undefined;
  }

  /** Whether the outline in hand is more than a click. */
  get #isOutlined(): boolean {
    const [first] = this.outline;
    return this.outline.some(({ x, y }) => Math.hypot(x - first!.x, y - first!.y) * this.view.scale >= CLICK);
  }

  #brush(from: Point, to: Point): void {
    this.layer.mark(brushArea(from, to, this.brushSize / 2), this.editor.marking);
  }

  #pinch(pointer: PointerAt, before: Point): void {
    const other = this.#pointers.find(({ id }) => id !== pointer.id);
    if (!other) return;
    const middle = (a: Point): Point => ({ x: (a.x + other.x) / 2, y: (a.y + other.y) / 2 });
    const length = (a: Point): number => Math.max(Math.hypot(a.x - other.x, a.y - other.y), 1);
    const factor = length(pointer) / length(before);
    this.view = zoomAt(this.view, factor, middle(before), this.layer, this.frame, middle(pointer));
    this.cursor = undefined;
  }
}
