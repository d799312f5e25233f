import { nextBrush, largestBrush } from "./brush.js";
import type { LoadedFile } from "./loaded-file.svelte.js";
import { MaskLayer, type Marking } from "./mask-layer.svelte.js";
import type { RgbImage } from "dalle2-webgpu";

/** What a pointer does on the image. `move` moves the enlarged image. */
export type Tool = "brush" | "rectangle" | "lasso" | "move";

/** An image that is inpainted. */
export interface MaskedImage {
  readonly id: string;
  readonly pixels: RgbImage;
}

/** How many masks are held. */
const MOST_MASKS = 12;

/** The masks of images, and the tools that paint them. Both stay when something else is shown. */
export class MaskEditor {
  tool: Tool = $state("brush");
  /** What the tools do with pixels. `keep` is the eraser. */
  marking: Marking = $state("generate");
  /** Id of the image that the painter was opened for by itself: from then on a person opens it. */
  shownId: string | undefined;
  /** Whether the focus is to go to the mask as soon as it is shown. */
  wantsFocus: boolean = $state(false);
  /** Shows what was shown before the painter (`show-painter.ts`). */
  goBack: (() => void) | undefined;
  /** The mask file that was loaded last, until it is put away. */
  loaded: LoadedFile | undefined = $state.raw();
  /** Diameter of the brush as a share of the image's side, so that it fits images of any size. */
  #brushShare: number = $state(1 / 8);
  /** Newest last. */
  #masks: readonly { readonly id: string; readonly layer: MaskLayer }[] = [];

  /** The mask of an image: at first, all of it is kept. */
  layerOf({ id, pixels }: MaskedImage): MaskLayer {
    const mask = this.#masks.find((one) => one.id === id) ?? { id, layer: new MaskLayer(pixels.width, pixels.height) };
    this.#masks = [...this.#masks.filter((one) => one !== mask), mask].slice(-MOST_MASKS);
    return mask.layer;
  }

  /** The newest mask of another image with the same size, if it generates anything: it can be taken over. */
  earlierMask({ id, pixels }: MaskedImage): MaskLayer | undefined {
    const fits = ({ width, height, share }: MaskLayer): boolean =>
      width === pixels.width && height === pixels.height && share > 0;
    return this.#masks.findLast((one) => one.id !== id && fits(one.layer))?.layer;
  }

  /** The file that was loaded last, if it is of this mask. */
  loadedInto(layer: MaskLayer): LoadedFile | undefined {
    return this.loaded?.layer === layer ? this.loaded : undefined;
  }

  /** Diameter of the brush on an image with this side, in its pixels. */
  brushSize(side: number): number {
    return Math.min(Math.max(Math.round(this.#brushShare * side), 1), largestBrush(side));
  }

  setBrushSize(size: number, side: number): void {
    this.#brushShare = size / side;
  }

  /** Makes the brush larger (1) or smaller (−1) by a step. */
  stepBrush(by: 1 | -1, side: number): void {
    this.setBrushSize(nextBrush(this.brushSize(side), by, side), side);
  }
}
