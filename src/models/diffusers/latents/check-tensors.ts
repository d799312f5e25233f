// Checks of the tensors of a call of a decoder.
import { ArgumentError } from "../../../platform/arguments.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Size } from "./latents.js";

/** Throws `ArgumentError` unless a tensor `[B, height, width, C]` has this size. */
export function checkSize(name: string, { shape: [, height = 0, width = 0] }: Tensor, [rows, columns]: Size): void {
  if (height === rows && width === columns) return;
  const message = `${name} has ${width} × ${height} pixels; expected ${columns} × ${rows}.`;
  throw new ArgumentError(name, message, { code: "argument/mismatch" });
}

/** Throws `ArgumentError` if tensors have another batch size than the image embeddings. */
export function checkBatch({ imageEmbed, ...others }: Readonly<Record<string, Tensor | undefined>>): void {
  const batch = imageEmbed!.shape[0]!;
  for (const [name, tensor] of Object.entries(others)) {
    const own = tensor?.shape[0] ?? batch;
    if (own === batch) continue;
    const message = `${name} has a batch size of ${own}, but imageEmbed has ${batch}.`;
    throw new ArgumentError(name, message, { code: "argument/mismatch" });
  }
}

/** Throws `ArgumentError` if inpainting has an image or a mask alone, or a mask of another size. */
export function checkInpainting({
  inpaintImage,
  inpaintMask,
}: Readonly<Record<"inpaintImage" | "inpaintMask", Tensor | undefined>>): void {
  if (inpaintImage && inpaintMask) {
    const [, height = 0, width = 0] = inpaintImage.shape;
    checkSize("inpaintMask", inpaintMask, [height, width]);
  } else if (inpaintImage ?? inpaintMask) {
    const message = "Inpainting needs an image and a mask: pass both inpaintImage and inpaintMask.";
    missing(inpaintImage ? "inpaintMask" : "inpaintImage", message);
  }
}

/** Throws `ArgumentError` for an argument that is missing. */
export function missing(argument: string, message: string): never {
  throw new ArgumentError(argument, message, { code: "argument/missing" });
}
