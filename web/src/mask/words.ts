// What the painter says.
import type { Point } from "./areas.js";
import type { MaskLayer } from "./mask-layer.svelte.js";

/** "12 %"; what is not nothing is never called 0 %, nor what is not all 100 %. */
export function sayShare(share: number): string {
  if (share > 0 && share < 0.01) return "less than 1 %";
  if (share < 1 && share > 0.99) return "more than 99 %";
  return `${String(Math.round(share * 100))} %`;
}

/** What a mask does, in a sentence. */
export function sayMask({ share }: Pick<MaskLayer, "share">): string {
  if (share === 0) return "Nothing is marked: mark what will be generated.";
  if (share === 1) return "All of the image is marked: nothing of it will be kept.";
  return `${capitalised(sayShare(share))} of the image will be generated. The rest is kept.`;
}

/** Where the cursor of the keyboard is. Counts from 1. */
export function sayCursor({ x, y }: Point, layer: MaskLayer): string {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  const state = layer.isKept(column, row) ? "kept" : "marked";
  return `Column ${String(column + 1)} of ${String(layer.width)}, row ${String(row + 1)} of ${String(layer.height)}: ${state}.`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
