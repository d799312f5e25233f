import { readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { centerCropToSquare, removeAlpha, type Image, type RgbaImage, type RgbImage } from "../../image/image.js";
import { isImageFile, loadRgbaImage } from "../../image/image-files.js";
import { maskAdvice, maskFromImage, type MaskChannel } from "../../image/mask.js";
import { resizeBicubic, resizeLanczos } from "../../image/pillow-resize.js";
import { fileError } from "../../platform/node-error.js";
import type { DalleModelManager } from "../../pipeline/manager/model-manager.js";
import type { Mask } from "../../pipeline/script-options.js";
import type { Asker } from "./asking.js";
import { UsageError } from "../errors.js";
import { say } from "../output.js";

/**
 * Replaces each folder by the images in it, sorted by name. Throws `FileError` for a path that does not exist, and
 * `UsageError` for a folder without images.
 */
export function expandFolders(paths: readonly string[]): readonly string[] {
  return paths.flatMap(imagesAt);
}

function imagesAt(path: string): readonly string[] {
  if (!isFolder(path)) return [path];
  const names = readdirSync(path).filter(isImageFile);
  if (names.length === 0) throw new UsageError(`${path}: there are no PNG, JPEG or WebP files in this folder.`);
  return names.sort().map((name) => join(path, name));
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (cause) {
    throw fileError(path, "could not be read", cause);
  }
}

/** Reads an image, without its alpha channel. Rejects with `FileError`, which names the file. */
export async function loadImage(file: string): Promise<RgbImage> {
  return removeAlpha(await decodeFile(file));
}

/**
 * Reads images for CLIP. Larger ones are resized to CLIP's input size as they are read, so that a folder of photos fits into
 * memory. (Scripts would resize them anyway.) An encoder that prepares images in its own way gets them as they are.
 */
export async function loadForClip(
  files: readonly string[],
  { models: { clip } }: DalleModelManager,
): Promise<RgbImage[]> {
  const encoder = clip?.model.image;
  const size = encoder?.preprocess ? Infinity : (encoder?.imageSize ?? Infinity);
  const images: RgbImage[] = [];
  for (const file of files) {
    const image = await loadImage(file);
    images.push(Math.min(image.width, image.height) > size ? resizeLanczos(image, size, size) : image);
  }
  return images;
}

async function decodeFile(file: string): Promise<RgbaImage> {
  const image = await loadRgbaImage(file);
  if (image.frames !== undefined) say(`${basename(file)} has ${image.frames} frames; only the first is used.`);
  return image;
}

/** Reads an image and crops it to the largest square in its middle. Calls `say` if that removes something. */
export async function loadSquare(file: string, say: (message: string) => void): Promise<RgbImage> {
  return cropToSquare(file, await loadImage(file), say);
}

/** Crops the image of a file to the largest square in its middle. Calls `say` if that removes something. */
export function cropToSquare(file: string, image: RgbImage, say: (message: string) => void): RgbImage {
  sayIfCropped(file, image, say);
  return centerCropToSquare(image);
}

function sayIfCropped(file: string, { width, height }: Image, say: (message: string) => void): void {
  if (width !== height) say(`${basename(file)} is not square; it is cropped to the square in its middle.`);
}

/** An image, and a mask image of the parts to keep. */
export interface MaskedFiles {
  readonly image: string;
  readonly mask: string;
}

export interface MaskedImage {
  readonly image: RgbImage;
  readonly mask: Mask;
}

/** How masks are read. */
export interface MaskReading {
  /** The channel of a mask image that is read; see `MaskChannel`. */
  readonly channel: MaskChannel;
  /** Swaps what is kept and what is generated. */
  readonly invert: boolean;
  /** Prints a message about a mask or an image. */
  readonly say: (message: string) => void;
}

/** An image and its mask as they are read. */
export interface MaskedPair {
  readonly image: RgbaImage;
  readonly mask: RgbaImage;
}

/** Reads images and masks for inpainting. Rejects with `UsageError` if they differ in size. */
export async function loadMasked(files: readonly MaskedFiles[], reading: MaskReading): Promise<MaskedPair[]> {
  const pairs: MaskedPair[] = [];
  for (const pair of files) pairs.push(await loadPair(pair, reading));
  return pairs;
}

/** Images and masks in their own sizes, for decoders of many sizes. */
export function wholeMasked(pairs: readonly MaskedPair[], reading: MaskReading): MaskedImage[] {
  return pairs.map(({ image, mask }) => ({ image: removeAlpha(image), mask: maskOf(mask, reading) }));
}

/**
 * Fits images and masks to decoders of one size, as dalle2-laion does: each is cropped to the square in its middle, and all are resized
 * to the smallest of them (with Pillow's default filter, bicubic).
 */
export function squareMasked(
  pairs: readonly MaskedPair[],
  files: readonly MaskedFiles[],
  reading: MaskReading,
): MaskedImage[] {
  const { say } = reading;
  const squares = pairs.map(({ image, mask }, i) => {
    sayIfCropped(files[i]!.image, image, say);
    return { image: centerCropToSquare(image), mask: centerCropToSquare(mask) };
  });
  const size = Math.min(...squares.map(({ image }) => image.width));
  if (squares.some(({ image }) => image.width !== size)) {
    say(`All images are resized to the size of the smallest, ${size} × ${size} pixels.`);
  }
  return squares.map(({ image, mask }) => ({
    image: removeAlpha(resizeBicubic(image, size, size)),
    mask: maskOf(resizeBicubic(mask, size, size), reading),
  }));
}

/** Reads the pixels of a mask. Warnings were already given. */
function maskOf(mask: RgbaImage, { channel, invert }: MaskReading): Mask {
  return maskFromImage(mask, { channel, invert, onWarning: () => undefined });
}

async function loadPair(files: MaskedFiles, { channel, say }: MaskReading): Promise<MaskedPair> {
  const [image, mask] = [await loadRgbaImage(files.image), await loadRgbaImage(files.mask)];
  if (image.width !== mask.width || image.height !== mask.height) {
    throw new UsageError(
      `${files.mask} is ${mask.width} × ${mask.height} pixels, but its image ${files.image} is ${image.width} × ${image.height}: mask and image must have the same size.`,
    );
  }
  const advice = maskAdvice(mask, { channel }, (other) => `--mask-channel ${other}`);
  if (advice !== undefined) say(`${basename(files.mask)}: ${advice}`);
  return { image, mask };
}

/** Why an answer does not name an image or a folder of images; undefined if it does. */
export function imageProblem(answer: string): string | undefined {
  try {
    expandFolders(answer === "" ? [] : [answer]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Asks for images or folders of images, one at a time, until an empty answer. Calls `each` for the files of an answer before
 * the next question.
 */
export async function askImages(
  asker: Asker,
  each: (file: string) => Promise<void> = () => Promise.resolve(),
): Promise<readonly string[]> {
  asker.say(
    "Enter the paths of your images, one at a time. A folder adds all images in it. Enter an empty line to finish.",
  );
  const files: string[] = [];
  for (;;) {
    const fallback = files.length > 0 ? "" : undefined;
    const answer = await asker.ask({ message: `File ${files.length + 1}`, fallback, check: imageProblem });
    if (answer === "") return files;
    for (const file of expandFolders([answer])) {
      await each(file);
      files.push(file);
    }
  }
}
