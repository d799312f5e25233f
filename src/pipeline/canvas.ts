// The size of the images of a call, and what they follow.
import { SamplingError } from "../diffusion/sampling-error.js";
import type { RgbImage } from "../image/image.js";
import type { StageInfo } from "../models/stage-info.js";
import { ArgumentError, checkLength, type ArgumentRule } from "../platform/arguments.js";
import type { Canvas, CanvasOptions, ImageSize } from "./canvas-options.js";

/** The largest side in pixels. */
export const MAX_SIDE = 4096;

/** A size: one side, or width and height, each a whole number of pixels. */
export const imageSize: ArgumentRule<number | ImageSize> = (name, value) => {
  const isSide = (side: unknown) => Number.isInteger(side) && (side as number) >= 1 && (side as number) <= MAX_SIDE;
  if (isSide(value)) return value as number;
  const { width, height } = (typeof value === "object" && value !== null ? value : {}) as Partial<ImageSize>;
  if (isSide(width) && isSide(height)) return { width: width!, height: height! };
  const message = `${name} must be a number of pixels, or width and height: whole numbers from 1 to ${MAX_SIDE}.`;
  throw new ArgumentError(name, message, { code: "argument/out-of-range" });
};

/** A decoder, as far as it decides sizes and hints. */
interface Stages {
  readonly stages: readonly { readonly info: StageInfo }[];
}

/** Whether a decoder generates images of many sizes. */
export function hasSizes({ stages }: Stages): boolean {
  return stages[0]?.info.sizeUnit !== undefined;
}

/** Throws `ArgumentError` if a size is given for a decoder of one size, or for U-Nets that enlarge images. */
export function checkSize(
  { stages }: Stages,
  { size, startAtUnetNumber = 1 }: Pick<Canvas, "size" | "startAtUnetNumber">,
): void {
  const isOfMany = hasSizes({ stages });
  if (size === undefined || (isOfMany && startAtUnetNumber === 1)) return;
  const last = stages.at(-1)!.info.imageSize;
  const message = isOfMany
    ? "U-Nets that enlarge images take no size: leave it out."
    : `This decoder generates images of ${last} × ${last} pixels only: leave size out.`;
  throw new ArgumentError("size", message, { code: "argument/no-effect" });
}

/**
 * Throws before anything is computed if a decoder cannot run a call: `ArgumentError` for a size or a hint that it does not take, or
 * needs; `SamplingError` if it can only inpaint.
 */
export function checkCanvas(cascade: Stages, canvas: Canvas, inpaints: boolean): void {
  checkSize(cascade, canvas);
  const { hint } = canvas;
  const { info } = cascade.stages[0]!;
  const { takesHint, inpaintsOnly } = info;
  if (hint !== undefined && !takesHint) {
    const message = "This decoder takes no hint: leave it out, or use one that was trained with hints.";
    throw new ArgumentError("hint", message, {
      code: "argument/no-effect",
      advice: "For maps of depths use kandinsky-community/kandinsky-2-2-controlnet-depth.",
    });
  }
  if (hint === undefined && takesHint) {
    const message = `This decoder needs a hint, such as a map of depths, of about ${formatSize(hintSize(info, {}))} pixels: pass hint.`;
    throw new ArgumentError("hint", message, { code: "argument/missing" });
  }
  if (!inpaintsOnly || inpaints) return;
  throw new SamplingError("This decoder was trained for inpainting alone: it needs an image and a mask.", {
    advice: "For whole images use kandinsky-community/kandinsky-2-2-decoder.",
  });
}

/** The hint of each input. Throws `ArgumentError` for a list of another length. */
export function hintsOf({ hint }: CanvasOptions, inputs: number): readonly RgbImage[] | undefined {
  return imagesOf("hint", hint, inputs);
}

/** Returns an image for each of `count` inputs, from one for all or a list. Throws `ArgumentError` for a list of another length. */
export function imagesOf(
  name: string,
  images: RgbImage | readonly RgbImage[] | undefined,
  count: number,
): readonly RgbImage[] | undefined {
  if (images === undefined) return undefined;
  return isOne(images) ? new Array<RgbImage>(count).fill(images) : checkLength(name, images, count);
}

function isOne(images: RgbImage | readonly RgbImage[]): images is RgbImage {
  return !Array.isArray(images);
}

/**
 * The size of the images of U-Net 1. Throws `ArgumentError` if images to start from have different proportions and the call gives no
 * size.
 */
export function canvasSize(info: Pick<StageInfo, "imageSize" | "sizeUnit">, canvas: Canvas): ImageSize {
  const { imageSize: side, sizeUnit: unit } = info;
  if (unit === undefined) return { width: side, height: side };
  const { size, hint, initImages, inpaintImages } = canvas;
  if (size !== undefined) return roundedUp(asked(size), unit);
  const given = { initImages, inpaintImages, hint: hint && isOne(hint) ? [hint] : hint };
  const [name, images] = Object.entries(given).find(([, some]) => some !== undefined) ?? [];
  const [first, ...others] = (images ?? []).map((image) => inProportion(image, side, unit));
  if (!first) return roundedUp({ width: side, height: side }, unit);
  const other = others.find((one) => !areEqual(one, first));
  if (!other) return first;
  const message = `${name} would give images of ${formatSize(first)} and of ${formatSize(other)}: pass size, one for all.`;
  throw new ArgumentError(name!, message, { code: "argument/mismatch" });
}

/** The size of the hints of a call. */
export function hintSize(info: StageInfo, canvas: Canvas): ImageSize {
  const { hintScale = 1 } = info;
  const { width, height } = canvasSize(info, canvas);
  return { width: hintScale * width, height: hintScale * height };
}

/** What a person should know of the size of a call: it was rounded, or the hints do not have it. */
export function canvasNotes(info: StageInfo, canvas: Canvas): readonly string[] {
  const { sizeUnit } = info;
  if (sizeUnit === undefined) return [];
  const notes: string[] = [];
  const result = canvasSize(info, canvas);
  const { size, hint } = canvas;
  if (size !== undefined && !areEqual(asked(size), result)) {
    notes.push(
      `The size ${formatSize(asked(size))} is rounded up to ${formatSize(result)}: sides of this decoder's images are multiples of ${sizeUnit}.`,
    );
  }
  const needed = hintSize(info, canvas);
  const resized = (hint === undefined ? [] : isOne(hint) ? [hint] : hint).find((one) => !areEqual(one, needed));
  if (resized) notes.push(`The hint of ${formatSize(resized)} is resized to ${formatSize(needed)} pixels.`);
  return notes;
}

/** A size for people: "768 × 512". */
export function formatSize({ width, height }: ImageSize): string {
  return `${width} × ${height}`;
}

function areEqual(a: ImageSize, b: ImageSize): boolean {
  return a.width === b.width && a.height === b.height;
}

function asked(size: number | ImageSize): ImageSize {
  return typeof size === "number" ? { width: size, height: size } : size;
}

/** As the reference rounds: images are never smaller than asked. */
function roundedUp({ width, height }: ImageSize, unit: number): ImageSize {
  return { width: Math.ceil(width / unit) * unit, height: Math.ceil(height / unit) * unit };
}

/** About as many pixels as squares of that side, in the proportions of an image. */
function inProportion({ width, height }: ImageSize, side: number, unit: number): ImageSize {
  const stretch = Math.sqrt(width / height);
  const rounded = (pixels: number) =>
    Math.min(Math.max(Math.round(pixels / unit), 1) * unit, Math.floor(MAX_SIDE / unit) * unit);
  return { width: rounded(side * stretch), height: rounded(side / stretch) };
}
