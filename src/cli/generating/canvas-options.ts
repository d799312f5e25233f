import { basename } from "node:path";
import { InvalidArgumentError, type Command } from "commander";
import type { RgbImage } from "../../image/image.js";
import { checkCanvas, hasSizes, imageSize, MAX_SIDE } from "../../pipeline/canvas.js";
import type { CanvasOptions, ImageSize } from "../../pipeline/canvas-options.js";
import { decoderOf } from "../../pipeline/decoder-call.js";
import type { DalleModelManager } from "../../pipeline/manager/model-manager.js";
import { ArgumentError } from "../../platform/arguments.js";
import { loadImage } from "../asking/image-files.js";
import { valuePerInput } from "../asking/per-input.js";
import { collectTexts } from "../option-values.js";

/** The option of commands that generate images of a size. */
export interface SizeFlags {
  readonly size?: number | ImageSize | undefined;
}

/** The option of commands whose images may follow a hint. */
export interface HintFlags {
  readonly hint?: readonly string[] | undefined;
}

/** Adds the option of `SizeFlags`. */
export function addSizeOption(command: Command): Command {
  return command.option(
    "--size <size>",
    "width x height in pixels, such as 768x512, or one side: for models of many sizes, such as Kandinsky (default: the model's)",
    parseSize,
  );
}

/** Adds the option of `HintFlags`. `input` says what each can have a hint of its own: "prompt". Default: one hint for all images. */
export function addHintOption(command: Command, input?: string): Command {
  return command.option(
    "--hint <file>",
    `image that the results follow, such as a map of depths, for models that were trained with hints${input === undefined ? "" : `: one for all, or one per ${input}`}`,
    collectTexts,
  );
}

/** Reads "768x512" or "768". */
export function parseSize(text: string): number | ImageSize {
  const [, width, height] = /^(\d+)(?:\s*[x×]\s*(\d+))?$/i.exec(text.trim()) ?? [];
  try {
    const side = Number(width ?? NaN);
    return imageSize("", height === undefined ? side : { width: side, height: Number(height) });
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new InvalidArgumentError(`It is not a size such as 768x512 or 768, with sides from 1 to ${MAX_SIDE} pixels.`);
  }
}

/** Throws before anything is computed if the model does not take the size or the hints, or needs hints. */
export function checkCanvasFlags(
  manager: DalleModelManager,
  size: CanvasOptions["size"],
  { hint }: Pick<CanvasOptions, "hint">,
): void {
  checkCanvas(decoderOf(manager), { size, hint }, false);
}

/** Whether images that are not square stay so. */
export function keepsProportions(manager: DalleModelManager): boolean {
  return hasSizes(decoderOf(manager));
}

/** Reads the hints, one for each of `count` inputs; undefined without `--hint`. `input` names an input: "prompt". */
export async function loadHints(
  { hint: files }: HintFlags,
  count: number,
  input: string,
): Promise<readonly RgbImage[] | undefined> {
  if (!files) return undefined;
  const indices = valuePerInput("--hint", files, count, input);
  const images: RgbImage[] = [];
  for (const file of files) images.push(await loadImage(file));
  return indices.map((index) => images[index]!);
}

/** The name of the hint of an input, for its record. */
export function hintInput({ hint: files }: HintFlags, input: number): Readonly<Record<string, string>> {
  const file = files && (files[input] ?? files[0]!);
  return file === undefined ? {} : { hint: basename(file) };
}
