import type { Rect } from "./areas.js";

/** The pixels in which two masks differ: a bit for each pixel of a rectangle. Applying it twice changes nothing. */
export interface Patch {
  readonly rect: Rect;
  readonly bits: Uint8Array;
}

/** Returns the difference of two masks, which have `width` pixels in a row; undefined if they are equal. `within` bounds it. */
export function diff(before: Uint8Array, after: Uint8Array, width: number, within: Rect): Patch | undefined {
  const rect = changedRect(before, after, width, within);
  if (!rect) return undefined;
  const columns = rect.right - rect.left;
  const bits = new Uint8Array(Math.ceil((columns * (rect.bottom - rect.top)) / 8));
  eachPixel(rect, width, (pixel, i) => {
    if (before[pixel] !== after[pixel]) bits[i >> 3]! |= 1 << (i & 7);
  });
  return { rect, bits };
}

/** Changes a mask by a patch: from its state before to that after, or back. Returns how many more pixels are kept then. */
export function applyPatch(mask: Uint8Array, width: number, { rect, bits }: Patch): number {
  let gain = 0;
  eachPixel(rect, width, (pixel, i) => {
    if (((bits[i >> 3]! >> (i & 7)) & 1) === 0) return;
    const value = 1 - mask[pixel]!;
    mask[pixel] = value;
    gain += value === 1 ? 1 : -1;
  });
  return gain;
}

function changedRect(before: Uint8Array, after: Uint8Array, width: number, within: Rect): Rect | undefined {
  let [left, right, top, bottom] = [Infinity, -1, Infinity, -1];
  for (let y = within.top; y < within.bottom; y++) {
    for (let x = within.left; x < within.right; x++) {
      if (before[y * width + x] === after[y * width + x]) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  return right < 0 ? undefined : { left, top, right: right + 1, bottom: bottom + 1 };
}

/** Calls with the index in the mask and the index in the rectangle. */
function eachPixel(rect: Rect, width: number, visit: (pixel: number, i: number) => void): void {
  let i = 0;
  for (let y = rect.top; y < rect.bottom; y++) {
    for (let x = rect.left; x < rect.right; x++) visit(y * width + x, i++);
  }
}
