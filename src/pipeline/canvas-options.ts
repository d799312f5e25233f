// The size of the images of a call, and what they follow, as options.
import type { RgbImage } from "../image/image.js";

/** The size of images. */
export interface ImageSize {
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
}

/** What decoders of many sizes, and those that were trained with hints, can be asked for. */
export interface CanvasOptions {
  /**
   * Size of the images in pixels; a number is the side of squares. Sides are rounded up to a multiple of `StageInfo.sizeUnit`, with a
   * warning. Only decoders with a `sizeUnit` take it, such as Kandinsky's (multiples of 64). Default: about as many pixels as the
   * decoder was trained with, in the proportions of the initial images, the images to inpaint or the hints; without these, squares.
   */
  readonly size?: number | ImageSize | undefined;
  /**
   * What the images follow, such as a map of depths: an image for all inputs, or one for each. It is resized to the size of the images
   * (Pillow's LANCZOS), with a warning. Decoders that were trained with hints (`StageInfo.takesHint`) need it; others refuse it.
   */
  readonly hint?: RgbImage | readonly RgbImage[] | undefined;
}

/** What decides the size of the images of a call. */
export interface Canvas extends CanvasOptions {
  /** First U-Net to run, counted from 1. */
  readonly startAtUnetNumber?: number | undefined;
  /** Images to start from. */
  readonly initImages?: readonly RgbImage[] | undefined;
  /** Images to inpaint. */
  readonly inpaintImages?: readonly RgbImage[] | undefined;
}
