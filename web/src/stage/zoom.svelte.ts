/** A point or a way, in CSS pixels. */
interface Point {
  readonly x: number;
  readonly y: number;
}

const MOST = 32;

/** How far views of equal size are zoomed in, and where they look: several views can share it. */
export class Zoom {
  scale: number = $state(1);
  /** How far the image is moved from the middle of its view, in CSS pixels. */
  offset: Point = $state.raw({ x: 0, y: 0 });

  get isReset(): boolean {
    return this.scale === 1;
  }

  reset(): void {
    this.scale = 1;
    this.offset = { x: 0, y: 0 };
  }

  /** Zooms by a factor. The point `at`, from the middle of the view, stays where it is. `size` is that of the view. */
  by(factor: number, at: Point, size: { readonly width: number; readonly height: number }): void {
    const scale = Math.min(Math.max(this.scale * factor, 1), MOST);
    const ratio = scale / this.scale;
    this.scale = scale;
    this.#move({ x: at.x - (at.x - this.offset.x) * ratio, y: at.y - (at.y - this.offset.y) * ratio }, size);
  }

  /** Moves the image. */
  pan({ x, y }: Point, size: { readonly width: number; readonly height: number }): void {
    this.#move({ x: this.offset.x + x, y: this.offset.y + y }, size);
  }

  /** Keeps the image over the whole view. */
  #move({ x, y }: Point, { width, height }: { readonly width: number; readonly height: number }): void {
    const most = { x: (width * (this.scale - 1)) / 2, y: (height * (this.scale - 1)) / 2 };
    this.offset = { x: Math.min(Math.max(x, -most.x), most.x), y: Math.min(Math.max(y, -most.y), most.y) };
  }
}

/** An attachment: wheel, drag and pinch zoom and move. */
export function zoomable(zoom: Zoom): (element: HTMLElement) => () => void {
  return (element) => {
    const controller = new AbortController();
    const { signal } = controller;
    const pointers = new Map<number, Point>();
    const at = ({ x, y }: Point): Point => {
      const { left, top, width, height } = element.getBoundingClientRect();
      return { x: x - left - width / 2, y: y - top - height / 2 };
    };
    const size = () => ({ width: element.clientWidth, height: element.clientHeight });
    element.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        zoom.by(Math.exp(-event.deltaY / 300), at(event), size());
      },
      { signal, passive: false },
    );
    element.addEventListener(
      "pointerdown",
      (event) => {
        element.setPointerCapture(event.pointerId);
        pointers.set(event.pointerId, event);
      },
      { signal },
    );
    element.addEventListener(
      "pointermove",
      (event) => {
        const before = pointers.get(event.pointerId);
        if (!before) return;
        const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
        if (other) {
          const middle = { x: (event.x + other.x) / 2, y: (event.y + other.y) / 2 };
          zoom.by(distance(event, other) / Math.max(distance(before, other), 1), at(middle), size());
        } else zoom.pan({ x: event.x - before.x, y: event.y - before.y }, size());
        pointers.set(event.pointerId, event);
      },
      { signal },
    );
    const release = ({ pointerId }: PointerEvent): void => {
      pointers.delete(pointerId);
    };
    element.addEventListener("pointerup", release, { signal });
    element.addEventListener("pointercancel", release, { signal });
    return () => {
      controller.abort();
    };
  };
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
