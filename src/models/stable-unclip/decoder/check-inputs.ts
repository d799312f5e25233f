// Checks of the tensors of a call of the decoder.
import { ArgumentError, atMostOne, fraction } from "../../../platform/arguments.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { checkBatch, checkInpainting, missing } from "../../diffusers/latents/check-tensors.js";
import type { Size } from "../../diffusers/latents/latents.js";
import type { Cascade, CascadeSampling } from "../../interfaces.js";
import type { DecoderStage } from "./decoder-stage.js";

/** The inputs of a call, which fit each other. */
export interface DecoderInputs {
  readonly imageEmbed: Tensor;
  readonly context: Tensor;
  readonly negativeContext: Tensor | undefined;
  readonly initImage: Tensor | undefined;
  /** 1 without an initial image. */
  readonly strength: number;
  readonly inpaintImage: Tensor | undefined;
  readonly inpaintMask: Tensor | undefined;
  /** Of the latents. */
  readonly size: Size;
}

type Given = CascadeSampling<Cascade> & { readonly imageEmbed: Tensor };

/** The inputs of a call. Throws `ArgumentError` if some are missing, have no effect, or do not fit. */
export function checkInputs(stage: DecoderStage, given: Given, isGuided: boolean): DecoderInputs {
  const { imageEmbed, textEncodings, negative, initImage, inpaintImage, inpaintMask, hint } = given;
  const context =
    textEncodings ?? missing("textEncodings", "This decoder needs encodings of texts: pass textEncodings.");
  const negativeContext = negative?.textEncodings;
  if (isGuided && !negativeContext) missing("negative", NO_NEGATIVE);
  checkBatch({ imageEmbed, textEncodings, negative: negativeContext, initImage, inpaintImage, inpaintMask });
  const { imageEmbedDim, contextDim } = stage.options.unet;
  checkWidth("imageEmbed", imageEmbed, imageEmbedDim);
  checkWidth("textEncodings", context, contextDim);
  if (negativeContext) checkWidth("negative", negativeContext, contextDim);
  atMostOne({ initImage, inpaintImage });
  checkInpainting({ inpaintImage, inpaintMask });
  if (hint) throw new ArgumentError("hint", "This decoder takes no hint.", { code: "argument/no-effect" });
  const strength = initImage ? fraction("strength", given.strength ?? 1) : 1;
  stage.evaluations(undefined, { strength });
  const size = sizeOf(stage, given);
  return { imageEmbed, context, negativeContext, initImage, strength, inpaintImage, inpaintMask, size };
}

const NO_NEGATIVE =
  'Guidance of this decoder needs a text to guide away from: pass negative.textEncodings, those of the text "".';

/** Throws unless a tensor has the width that the U-Net reads. */
function checkWidth(name: string, tensor: Tensor, width: number): void {
  const found = tensor.shape.at(-1);
  if (found === width) return;
  const message = `${name} has a width of ${found}, but this decoder takes ${width}.`;
  throw new ArgumentError(name, message, {
    code: "argument/mismatch",
    advice: "Use the prior and the encoders that the decoder was trained with.",
  });
}

/** The size of the latents: of an image, that of the image; otherwise as large that the image is not smaller than asked. */
function sizeOf({ latentScale: scale, info }: DecoderStage, { initImage, inpaintImage, size }: Given): Size {
  const image = initImage ?? inpaintImage;
  if (!image) {
    const [height, width] = size ?? [info.imageSize, info.imageSize];
    return [Math.ceil(height / scale), Math.ceil(width / scale)];
  }
  const [, height = 0, width = 0] = image.shape;
  if (height % scale === 0 && width % scale === 0 && height > 0 && width > 0) return [height / scale, width / scale];
  const name = initImage ? "initImage" : "inpaintImage";
  const message = `${name} has ${width} × ${height} pixels; its sides must be multiples of ${scale}.`;
  throw new ArgumentError(name, message, { code: "argument/mismatch" });
}
