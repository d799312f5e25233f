/** Files of images, and what names of files say (dalle2-laion's `utils.py`). */
import { decodeImage, folderExists, join, listFiles, readBytes } from "#platform";
import { FileError } from "../platform/errors.js";
import { ImageDecodeError, type DecodedImage } from "../platform/image-types.js";
import { MAX_BYTES } from "../platform/limits.js";
import { removeAlpha, type RgbImage } from "./image.js";

/** Whether a path ends as images do: `.png`, `.jpg`, `.jpeg` or `.webp` (`is_image_file`). */
export function isImageFile(path: string): boolean {
  return /\.(?:png|jpe?g|webp)$/i.test(path);
}

/** Whether a path ends in `.txt` (`is_text_file`). */
export function isTextFile(path: string): boolean {
  return /\.txt$/i.test(path);
}

/** Whether a path ends in `.json` (`is_json_file`). */
export function isJsonFile(path: string): boolean {
  return /\.json$/i.test(path);
}

/**
 * The paths of the images in a folder, by their names, without those in folders below (`get_images_in_dir`). Rejects with
 * `FileError` where there is no such folder.
 */
export async function imagesInFolder(folder: string): Promise<string[]> {
  if (!(await folderExists(folder))) throw new FileError(folder, "there is no such folder", { code: "file/not-found" });
  const names = (await listFiles(folder)).filter(isImageFile);
  return names.sort().map((name) => join(folder, name));
}

/**
 * Reads an image file, with its alpha: PNG, JPEG or WebP, turned upright. Rejects with `FileError`, which names the file.
 *
 * @example
 * const mask = maskFromImage(await loadRgbaImage("mask.png"), { channel: "alpha" });
 */
export async function loadRgbaImage(path: string): Promise<DecodedImage> {
  const bytes = await readBytes(path, MAX_BYTES.image);
  try {
    return await decodeImage(bytes);
  } catch (cause) {
    if (!(cause instanceof ImageDecodeError)) throw cause;
    throw new FileError(path, cause.message, { cause, advice: cause.advice });
  }
}

/**
 * Reads an image file, without its alpha: PNG, JPEG or WebP, turned upright. Rejects with `FileError`, which names the file.
 *
 * @example
 * const image = centerCropToSquare(await loadImage("photo.jpg"));
 */
export async function loadImage(path: string): Promise<RgbImage> {
  return removeAlpha(await loadRgbaImage(path));
}

/**
 * Reads image files one after the other (`get_images_from_paths`). Rejects as `loadImage`.
 *
 * @example
 * const images = await loadImages(await imagesInFolder("photos"));
 */
export async function loadImages(paths: readonly string[]): Promise<RgbImage[]> {
  const images: RgbImage[] = [];
  for (const path of paths) images.push(await loadImage(path));
  return images;
}

/**
 * The prompt that a file's name suggests (`get_prompt_from_filestem`): "Red circle" for `red_circle.png`, "Red Circle" for
 * `RedCircle.png`.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/utils.py#L24-L35
 */
export function promptFromFileName(path: string): string {
  const name = path.replace(/[/\\]+$/, "").replace(/^.*[/\\]/, "");
  const stem = name.replace(/(?!^)\.[^.]*$/, "");
  const spaced = stem.replaceAll("_", " ").replace(/\p{Lu}/gu, " $&");
  const words = spaced.trim().replace(/\s+/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
