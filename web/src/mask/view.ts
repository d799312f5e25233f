// Where an image lies in the frame that shows it: zoom and pan.
import type { Point, Size } from "./areas.js";

/** A point (x, y) of the image is at (`x` · `scale` + `left`, `y` · `scale` + `top`) of the frame, in CSS pixels. */
export interface View {
  readonly scale: number;
  readonly left: number;
  readonly top: number;
}

/** How much larger than the frame an image can be shown. */
const MOST_ZOOM = 16;

/** The whole image, in the middle. */
export function fittingView(image: Size, frame: Size): View {
  const scale = Math.min(frame.width / image.width, frame.height / image.height);
  return {
    scale,
    left: (frame.width - image.width * scale) / 2,
    top: (frame.height - image.height * scale) / 2,
  };
}

/** How much larger the image is than where it fits. */
export function zoomOf(view: View, image: Size, frame: Size): number {
  return view.scale / fittingView(image, frame).scale;
}

/** Point of the image at a point of the frame. */
export function toImage({ scale, left, top }: View, { x, y }: Point): Point {
  return { x: (x - left) / scale, y: (y - top) / scale };
}

/** Point of the frame at a point of the image. */
export function toFrame({ scale, left, top }: View, { x, y }: Point): Point {
  return { x: x * scale + left, y: y * scale + top };
}

/** Enlarges by a factor. What is at `at` of the frame moves to `to`. */
export function zoomAt(view: View, factor: number, at: Point, image: Size, frame: Size, to: Point = at): View {
  const fit = fittingView(image, frame).scale;
  const scale = Math.min(Math.max(view.scale * factor, fit), fit * MOST_ZOOM);
  const point = toImage(view, at);
  return within({ scale, left: to.x - point.x * scale, top: to.y - point.y * scale }, image, frame);
}

/** Moves the image in the frame. */
export function panBy(view: View, dx: number, dy: number, image: Size, frame: Size): View {
  return within({ ...view, left: view.left + dx, top: view.top + dy }, image, frame);
}

/** Moves the image until a point of it is in the frame, with a margin. */
export function reveal(view: View, point: Point, image: Size, frame: Size, margin = 24): View {
  const { x, y } = toFrame(view, point);
  const shift = (at: number, length: number): number =>
    Math.max(margin - at, 0) + Math.min(Math.max(length - margin, margin) - at, 0);
  return panBy(view, shift(x, frame.width), shift(y, frame.height), image, frame);
}

/** No space beside the image, if it is larger than the frame; otherwise it is in the middle. */
function within({ scale, left, top }: View, image: Size, frame: Size): View {
  const bound = (start: number, length: number, room: number): number =>
    length <= room ? (room - length) / 2 : Math.min(Math.max(start, room - length), 0);
  return {
    scale,
    left: bound(left, image.width * scale, frame.width),
    top: bound(top, image.height * scale, frame.height),
  };
}
