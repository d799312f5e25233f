// Checks of the tensors of a call of the decoder.
import { ArgumentError, atMostOne, fraction } from "../../../platform/arguments.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { checkBatch, checkInpainting, checkSize, missing } from "../../diffusers/latents/check-tensors.js";
import type { Size } from "../../diffusers/latents/latents.js";
import type { Cascade, CascadeSampling } from "../../interfaces.js";
import { HINT_SCALE } from "../unet/hint-block.js";
import type { DecoderStage } from "./decoder-stage.js";
import { generatedLatents } from "./sizes.js";

/** The inputs of a call, which fit each other. */
export interface DecoderInputs {
  readonly imageEmbed: Tensor;
  readonly negativeEmbed: Tensor | undefined;
  readonly initImage: Tensor | undefined;
  /** 1 without an initial image. */
  readonly strength: number;
  readonly inpaintImage: Tensor | undefined;
  readonly inpaintMask: Tensor | undefined;
  readonly hint: Tensor | undefined;
  /** Of the latents. */
  readonly size: Size;
}

type Given = CascadeSampling<Cascade> & { readonly imageEmbed: Tensor };

/** The inputs of a call. Throws `ArgumentError` if some are missing, have no effect, or do not fit. */
export function checkInputs(stage: DecoderStage, given: Given): DecoderInputs {
  const { imageEmbed, negative, initImage, inpaintImage, inpaintMask, hint } = given;
  const tensors = { imageEmbed, negative: negative?.imageEmbed, initImage, inpaintImage, inpaintMask, hint };
  checkBatch(tensors);
  atMostOne({ initImage, inpaintImage });
  checkBeside(stage, given);
  const size = sizeOf(stage, given);
  if (hint) checkSize("hint", hint, [HINT_SCALE * size[0], HINT_SCALE * size[1]]);
  const strength = initImage ? fraction("strength", given.strength ?? 1) : 1;
  stage.evaluations(undefined, { strength });
  return {
    imageEmbed,
    negativeEmbed: negative?.imageEmbed,
    initImage,
    strength,
    inpaintImage,
    inpaintMask,
    hint,
    size,
  };
}

/** Throws unless the call has what the U-Net reads beside the latents. */
function checkBeside({ options: { unet } }: DecoderStage, { inpaintImage, inpaintMask, hint }: Given): void {
  checkInpainting({ inpaintImage, inpaintMask });
  if (unet.beside === "kept" && !inpaintImage) {
    const message = "This decoder was trained for inpainting alone: pass inpaintImage and inpaintMask.";
    throw new ArgumentError("inpaintImage", message, {
      code: "argument/missing",
      advice: "For whole images use kandinsky-community/kandinsky-2-2-decoder.",
    });
  }
  if (unet.beside === "hint" && !hint) {
    missing("hint", "This decoder was trained with hints, such as maps of depths: pass hint.");
  }
  if (unet.beside === "hint" || !hint) return;
  throw new ArgumentError("hint", "This decoder takes no hint.", { code: "argument/no-effect" });
}

/** The size of the latents: for an image that of the image, otherwise what a call asks for. */
function sizeOf(stage: DecoderStage, { initImage, inpaintImage, size }: Given): Size {
  const { latentScale: scale, info } = stage;
  const least = 2 ** (stage.options.unet.widths.length - 1);
  const image = initImage ?? inpaintImage;
  if (!image) {
    const latents = generatedLatents(size ?? [info.imageSize, info.imageSize], scale);
    if (latents.every((side) => side % least === 0)) return latents;
    const [height, width] = latents;
    const message = `The size ${width * scale} × ${height * scale} is not possible: sides must be multiples of ${least * scale}.`;
    throw new ArgumentError("size", message, { code: "argument/out-of-range" });
  }
  const name = initImage ? "initImage" : "inpaintImage";
  const [, height = 0, width = 0] = image.shape;
  // The mask of an image to inpaint is as large as an image that is generated.
  const unit = scale * (initImage ? least : Math.max(least, scale));
  if (height % unit === 0 && width % unit === 0 && height > 0 && width > 0) return [height / scale, width / scale];
  const message = `${name} has ${width} × ${height} pixels; its sides must be multiples of ${unit}.`;
  throw new ArgumentError(name, message, { code: "argument/mismatch" });
}
