// Which pixels lie in a shape. A pixel belongs to a shape if its centre does; the centre of pixel (x, y) is (x + ½, y + ½).

/** A point in the pixels of an image: (0, 0) is its upper left corner. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Pixels from (left, top) up to (right, bottom), which are outside. */
export interface Rect {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Is called with pixels of a row: those from `start` up to `end`, which is outside. */
export type VisitSpan = (y: number, start: number, end: number) => void;

/** Visits the rows of a shape within an image. Rows may have several spans; spans may overlap. */
export type Area = (size: Size, visit: VisitSpan) => void;

/** What a round brush covers on a straight way. `radius` is at least half a pixel; such a brush covers a line of single pixels. */
export function brushArea(from: Point, to: Point, radius: number): Area {
  const [a, b] = radius < 1 ? [toCentre(from), toCentre(to)] : [from, to];
  return ({ width, height }, visit) => {
    const top = Math.max(Math.ceil(Math.min(a.y, b.y) - radius - 0.5), 0);
    const bottom = Math.min(Math.floor(Math.max(a.y, b.y) + radius - 0.5), height - 1);
    for (let y = top; y <= bottom; y++) {
      const [least, most] = brushInterval(a, b, radius, y + 0.5);
      const start = Math.max(Math.ceil(least - 0.5), 0);
      const end = Math.min(Math.floor(most - 0.5) + 1, width);
      if (start < end) visit(y, start, end);
    }
  };
}

/** The rectangle between two corners, with the pixels of both. */
export function rectangleArea(from: Point, to: Point): Area {
  return ({ width, height }, visit) => {
    const left = Math.max(Math.floor(Math.min(from.x, to.x)), 0);
    const right = Math.min(Math.floor(Math.max(from.x, to.x)) + 1, width);
    const top = Math.max(Math.floor(Math.min(from.y, to.y)), 0);
    const bottom = Math.min(Math.floor(Math.max(from.y, to.y)) + 1, height);
    if (left >= right) return;
    for (let y = top; y < bottom; y++) visit(y, left, right);
  };
}

/** What a closed line goes around. Where it crosses itself, what it goes around twice is inside too. */
export function lassoArea(points: readonly Point[]): Area {
  return ({ width, height }, visit) => {
    const ys = points.map(({ y }) => y);
    const top = Math.max(Math.floor(Math.min(...ys)), 0);
    const bottom = Math.min(Math.ceil(Math.max(...ys)), height);
    for (let y = top; y < bottom; y++) {
      let winding = 0;
      const crossings = rowCrossings(points, y + 0.5);
      for (const [i, { x, turn }] of crossings.entries()) {
        winding += turn;
        const next = crossings[i + 1];
        if (winding === 0 || !next) continue;
        const start = Math.max(Math.ceil(x - 0.5), 0);
        const end = Math.min(Math.ceil(next.x - 0.5), width);
        if (start < end) visit(y, start, end);
      }
    }
  };
}

/** The whole image. */
export const wholeArea: Area = ({ width, height }, visit) => {
  for (let y = 0; y < height; y++) visit(y, 0, width);
};

/** The smallest rectangle around two. */
export function unionOf(a: Rect | undefined, b: Rect): Rect {
  if (!a) return b;
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
}

/** The corner that makes a square of the rectangle from `from` to `to`, with its longer side. */
export function squareCorner(from: Point, to: Point): Point {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const side = Math.max(Math.abs(dx), Math.abs(dy));
  return { x: from.x + (dx < 0 ? -side : side), y: from.y + (dy < 0 ? -side : side) };
}

function toCentre({ x, y }: Point): Point {
  return { x: Math.floor(x) + 0.5, y: Math.floor(y) + 0.5 };
}

/** Below this height, a way counts as horizontal: what its ends cover has all that is between them. */
const FLAT = 1e-6;

/** The x of a row that lie within `radius` of a way. They are one interval, since the shape is convex. */
function brushInterval(a: Point, b: Point, radius: number, y: number): [number, number] {
  let [least, most] = [Infinity, -Infinity];
  const add = (low: number, high: number): void => {
    if (low > high) return;
    least = Math.min(least, low);
    most = Math.max(most, high);
  };
  for (const end of [a, b]) {
    const half = Math.sqrt(radius * radius - (y - end.y) ** 2);
    if (!Number.isNaN(half)) add(end.x - half, end.x + half);
  }
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = Math.hypot(dx, dy);
  // Points beside the way: at most `radius` from its line, and between its ends.
  if (Math.abs(dy) > FLAT) {
    const middle = a.x + ((y - a.y) * dx) / dy;
    const half = Math.abs((radius * length) / dy);
    const along = (y - a.y) * dy;
    if (dx === 0) {
      if (along >= 0 && along <= length * length) add(middle - half, middle + half);
    } else {
      const ends = [a.x - along / dx, a.x + (length * length - along) / dx];
      add(Math.max(middle - half, Math.min(...ends)), Math.min(middle + half, Math.max(...ends)));
    }
  }
  return [least, most];
}

interface Crossing {
  readonly x: number;
  /** 1 downwards, −1 upwards. */
  readonly turn: number;
}

function rowCrossings(points: readonly Point[], y: number): Crossing[] {
  const crossings: Crossing[] = [];
  for (const [i, from] of points.entries()) {
    const to = points[(i + 1) % points.length]!;
    if (from.y <= y === to.y <= y) continue;
    const x = from.x + ((y - from.y) / (to.y - from.y)) * (to.x - from.x);
    crossings.push({ x, turn: to.y > from.y ? 1 : -1 });
  }
  return crossings.sort((a, b) => a.x - b.x);
}
