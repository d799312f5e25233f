import type { Zoom } from "./zoom.svelte.js";

/** A place, in CSS pixels. */
interface Point {
  readonly x: number;
  readonly y: number;
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
