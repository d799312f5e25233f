// Sizes of the brush: diameters in pixels of the image. A slider moves over them so that each step is felt alike.

const SMALLEST = 1;
/** Positions of the slider, from 0. */
export const BRUSH_POSITIONS = 40;

/** The largest brush for an image. */
export function largestBrush(side: number): number {
  return Math.max(Math.round(side / 2), SMALLEST);
}

/** Size at a position of the slider. */
export function brushAt(position: number, side: number): number {
  const size = SMALLEST * (largestBrush(side) / SMALLEST) ** (position / BRUSH_POSITIONS);
  return Math.round(size);
}

/** Position of the slider for a size. */
export function positionOf(size: number, side: number): number {
  const most = largestBrush(side);
  if (most === SMALLEST) return 0;
  return Math.round((Math.log(size / SMALLEST) / Math.log(most / SMALLEST)) * BRUSH_POSITIONS);
}

/** The next larger size (`by` 1) or smaller one (−1). */
export function nextBrush(size: number, by: 1 | -1, side: number): number {
  const next = by === 1 ? Math.max(Math.round(size * 1.2), size + 1) : Math.min(Math.round(size / 1.2), size - 1);
  return Math.min(Math.max(next, SMALLEST), largestBrush(side));
}
