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
 * Files as they are given; a folder stands for the images in it, by name. Throws `FileError` for a path that is not there, and
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

/** Reads an image, without its alpha. Rejects with `FileError`, which names the file. */
export async function loadImage(file: string): Promise<RgbImage> {
  return removeAlpha(await decodeFile(file));
}

/**
 * Reads images that CLIP will see; larger ones at once in its size, to which scripts bring them as well, so that a folder
 * of photos fits into memory.
 */
export async function loadForClip(files: readonly string[], { clip }: DalleModelManager): Promise<RgbImage[]> {
  const size = clip?.imageSize ?? Infinity;
  const images: RgbImage[] = [];
  for (const file of files) {
    const image = await loadImage(file);
    images.push(Math.min(image.width, image.height) > size ? resizeLanczos(image, size, size) : image);
  }
  return images;
}

async function decodeFile(file: string): Promise<RgbaImage> {
  const image = await loadRgbaImage(file);
  if (image.frames !== undefined) say(`${basename(file)} has ${image.frames} frames. The first is used.`);
  return image;
}

/** Reads an image and cuts the largest square out of its middle; `say` takes a message where that cuts something off. */
export async function loadSquare(file: string, say: (message: string) => void): Promise<RgbImage> {
  const image = await loadImage(file);
  sayIfCropped(file, image, say);
  return centerCropToSquare(image);
}

function sayIfCropped(file: string, { width, height }: Image, say: (message: string) => void): void {
  if (width !== height) say(`${basename(file)} is not a square image. It will be center cropped into a square.`);
}

/** An image, and a mask image of what is kept of it. */
export interface MaskedFiles {
  readonly image: string;
  readonly mask: string;
}

export interface MaskedImage {
  readonly image: RgbImage;
  readonly mask: Mask;
}

/** How masks are read, and what takes messages about them and the images. */
export interface MaskReading {
  /** What of a mask image counts; see `MaskChannel`. */
  readonly channel: MaskChannel;
  /** Keeps what would be drawn anew, and the reverse. */
  readonly invert: boolean;
  readonly say: (message: string) => void;
}

/**
 * Images and masks for inpainting, as upstream prepares them: squares from their middles, all resized to the smallest of
 * them (Pillow's default filter, bicubic).
 */
export async function loadMasked(files: readonly MaskedFiles[], reading: MaskReading): Promise<MaskedImage[]> {
  const { channel, invert, say } = reading;
  const squares = [];
  for (const pair of files) squares.push(await loadMaskedSquare(pair, reading));
  const size = Math.min(...squares.map(({ image }) => image.width));
  if (squares.some(({ image }) => image.width !== size)) {
    say(`Minimum image size is ${size}. All images will be resized to this size for inference.`);
  }
  return squares.map(({ image, mask }) => ({
    image: removeAlpha(resizeBicubic(image, size, size)),
    // What there is to say of it was said of the whole image.
    mask: maskFromImage(resizeBicubic(mask, size, size), { channel, invert, onWarning: () => undefined }),
  }));
}

async function loadMaskedSquare(files: MaskedFiles, { channel, say }: MaskReading) {
  const [image, mask] = [await loadRgbaImage(files.image), await loadRgbaImage(files.mask)];
  if (image.width !== mask.width || image.height !== mask.height) {
    throw new UsageError(
      `${files.image} has ${image.width} × ${image.height} pixels and its mask ${files.mask} ${mask.width} × ${mask.height}; they must have the same.`,
    );
  }
  sayIfCropped(files.image, image, say);
  const advice = maskAdvice(mask, { channel }, (other) => `--mask-channel ${other}`);
  if (advice !== undefined) say(`${basename(files.mask)}: ${advice}`);
  return { image: centerCropToSquare(image), mask: centerCropToSquare(mask) };
}

/** Why there is no image at an answer, if there is none. */
export function imageProblem(answer: string): string | undefined {
  try {
    expandFolders(answer === "" ? [] : [answer]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Asks for images, or folders of them, one by one, until an empty answer; `each` takes the files of an answer before the
 * next is asked for.
 */
export async function askImages(
  asker: Asker,
  each: (file: string) => Promise<void> = () => Promise.resolve(),
): Promise<readonly string[]> {
  asker.say("Enter paths to your images. All images of a folder are taken. Enter an empty line to finish.");
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
