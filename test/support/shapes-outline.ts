/**
 * Finds the shape, radius and centre whose outline fits a mask best, by intersection over union (IoU) with computed shapes.
 */
import { KINDS, signedDistance, type Kind, type Point } from "./shapes-language.js";

/** Pixels of a square image, row by row: 1 inside the shape. */
export type Mask = Uint8Array;

/** A shape in an image; lengths are fractions of its side. */
export interface Outline {
  readonly kind: Kind;
  readonly r: number;
  readonly centre: Point;
  /** 1 if the mask is exactly this shape. */
  readonly iou: number;
}

interface Template extends Omit<Outline, "iou"> {
  readonly mask: Mask;
  readonly area: number;
}

const RADII = Array.from({ length: 30 }, (_, i) => 0.08 + i * 0.01);
/** Offsets in pixels of a shape from the position that its centroid gives. */
const OFFSETS = [-2, -1, 0, 1, 2];

const templatesBySide = new Map<number, readonly Template[]>();

/** The best fit of each kind, best first. Nothing fits an empty mask. */
export function fitOutlines(mask: Mask, side: number): readonly Outline[] {
  const pixels = [...mask.keys()].filter((i) => mask[i]);
  if (pixels.length === 0) return [];
  // Templates have their centroid in the middle of the image, so the mask is moved there by whole pixels.
  const [shiftX, shiftY] = centroid(pixels, side).map((at) => side / 2 - Math.round(at * side)) as [number, number];
  const moved = pixels.flatMap((i) => {
    const [x, y] = [(i % side) + shiftX, Math.floor(i / side) + shiftY];
    return x >= 0 && x < side && y >= 0 && y < side ? [y * side + x] : [];
  });
  const best = new Map<Kind, Outline>();
  for (const template of templates(side)) {
    let shared = 0;
    for (const pixel of moved) shared += template.mask[pixel]!;
    const iou = shared / (template.area + pixels.length - shared);
    if (iou <= (best.get(template.kind)?.iou ?? -1)) continue;
    const [x, y] = template.centre;
    const centre: Point = [x - shiftX / side, y - shiftY / side];
    best.set(template.kind, { kind: template.kind, r: template.r, centre, iou });
  }
  return [...best.values()].sort((a, b) => b.iou - a.iou);
}

/** True if a pixel is inside an outline, or less than `margin` from it. */
export function covers({ kind, r, centre: [x, y] }: Outline, pixel: number, side: number, margin: number): boolean {
  const [px, py] = centreOf(pixel, side);
  return signedDistance(kind, px - x, py - y, r) < margin;
}

/** A pixel's centre as fractions of the side. */
export function centreOf(pixel: number, side: number): Point {
  return [((pixel % side) + 0.5) / side, (Math.floor(pixel / side) + 0.5) / side];
}

export function centroid(pixels: readonly number[], side: number): Point {
  let [x, y] = [0, 0];
  for (const pixel of pixels) {
    const [px, py] = centreOf(pixel, side);
    x += px;
    y += py;
  }
  return [x / pixels.length, y / pixels.length];
}

/** The pixels whose centres lie in a shape. */
export function shapeMask(kind: Kind, r: number, [cx, cy]: Point, side: number): Mask {
  return Uint8Array.from({ length: side * side }, (_, pixel) => {
    const [x, y] = centreOf(pixel, side);
    return signedDistance(kind, x - cx, y - cy, r) < 0 ? 1 : 0;
  });
}

function templates(side: number): readonly Template[] {
  const known = templatesBySide.get(side);
  if (known) return known;
  const made = KINDS.flatMap((kind) => {
    const [offX, offY] = centroidFromCentre(kind, side);
    return RADII.flatMap((r) =>
      OFFSETS.flatMap((dx) =>
        OFFSETS.map((dy): Template => {
          const centre: Point = [0.5 - offX * r + dx / side, 0.5 - offY * r + dy / side];
          const mask = shapeMask(kind, r, centre, side);
          return { kind, r, centre, mask, area: mask.reduce((sum, bit) => sum + bit, 0) };
        }),
      ),
    );
  });
  templatesBySide.set(side, made);
  return made;
}

/** Position of a shape's centroid relative to its centre, in radii: a triangle has more area below than above. */
function centroidFromCentre(kind: Kind, side: number): Point {
  const r = 0.29;
  const mask = shapeMask(kind, r, [0.5, 0.5], side);
  const [x, y] = centroid(
    [...mask.keys()].filter((i) => mask[i]),
    side,
  );
  return [(x - 0.5) / r, (y - 0.5) / r];
}
