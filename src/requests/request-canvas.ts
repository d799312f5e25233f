// The size of the images of a request, and what they follow.
import type { StageInfo } from "../models/stage-info.js";
import { canvasSize, checkCanvas, imageSize } from "../pipeline/canvas.js";
import type { Canvas, ImageSize } from "../pipeline/canvas-options.js";
import type { DecoderInfo } from "../pipeline/manager/model-info.js";
import { REQUEST_DEFAULTS, type ImageRequest } from "./request.js";

/** What the size of the images of a request follows from. */
export function canvasOf({ parameters, images, hint }: Pick<ImageRequest, "parameters" | "images" | "hint">): Canvas {
  const { task, size, startAtUnetNumber = REQUEST_DEFAULTS.startAtUnetNumber } = parameters;
  return {
    size,
    hint,
    inpaintImages: task === "inpaint" ? images : undefined,
    startAtUnetNumber: task === "upscale" ? startAtUnetNumber : 1,
  };
}

/** The size of the images of a request that `checkRequestCanvas` let through; undefined for a model without a decoder. */
export function imageSizeOf(
  decoder: { readonly unets: readonly Pick<StageInfo, "imageSize" | "sizeUnit">[] } | undefined,
  request: Pick<ImageRequest, "parameters" | "images" | "hint">,
): ImageSize | undefined {
  const [first] = decoder?.unets ?? [];
  if (!first) return undefined;
  if (first.sizeUnit !== undefined) return canvasSize(first, canvasOf(request));
  const { imageSize: side } = decoder!.unets.at(-1)!;
  return { width: side, height: side };
}

/**
 * Throws before anything is computed if a decoder cannot run a request: `ArgumentError` for a size or a hint that it does not take, or
 * needs, and a size that is none; `SamplingError` if it can only inpaint.
 */
export function checkRequestCanvas({ unets }: Pick<DecoderInfo, "unets">, request: ImageRequest): void {
  if (unets.length === 0) return;
  const { size } = request.parameters;
  if (size !== undefined) imageSize("size", size);
  checkCanvas({ stages: unets.map((info) => ({ info })) }, canvasOf(request), request.parameters.task === "inpaint");
}
