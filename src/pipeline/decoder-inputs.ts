import { finiteNumbers } from "../platform/arguments.js";
import { SamplingError } from "../diffusion/sampling-error.js";
import { toPlanes, type RgbImage } from "../image/image.js";
import type { NegativeCondition } from "../models/interfaces.js";
import type { Arena } from "../tensor/arena.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Batch } from "./batches.js";
import { stackRows, type Embedding } from "./embedding.js";
import type { Mask } from "./script-options.js";

/** What the decoder is given, on the host: one row for each input; pictures and masks as planes `[C, H, W]`. */
export interface DecoderInputs {
  readonly imageEmbed: readonly Embedding[] | undefined;
  readonly textEncodings: readonly Embedding[] | undefined;
  readonly negativeImageEmbed: readonly Embedding[] | undefined;
  readonly negativeTextEncodings: readonly Embedding[] | undefined;
  readonly image: readonly Embedding[] | undefined;
  readonly inpaintImage: readonly Embedding[] | undefined;
  readonly inpaintMask: readonly Embedding[] | undefined;
}

/** The inputs of one batch on the GPU. */
export class BatchTensors {
  private constructor(
    readonly imageEmbed: Tensor | undefined,
    readonly textEncodings: Tensor | undefined,
    /** What guidance leads away from, if anything is named. */
    readonly negative: NegativeCondition,
    readonly image: Tensor | undefined,
    readonly inpaintImage: Tensor | undefined,
    readonly inpaintMask: Tensor | undefined,
  ) {}

  static upload(arena: Arena, inputs: DecoderInputs, { inputs: chosen }: Pick<Batch, "inputs">): BatchTensors {
    const pick = (rows: readonly Embedding[] | undefined) => rows && chosen.map((index) => rows[index]!);
    const stack = (rows: readonly Embedding[] | undefined) => rows && stackRows(arena, rows, "f32");
    const planes = (rows: readonly Embedding[] | undefined) => rows && stackPlanes(arena, rows);
    // In a scope, which frees the first of them where a later one fails.
    const tensors = arena.scope(() => ({
      imageEmbed: stack(pick(inputs.imageEmbed)),
      textEncodings: stack(pick(inputs.textEncodings)),
      negative: {
        imageEmbed: stack(pick(inputs.negativeImageEmbed)),
        textEncodings: stack(pick(inputs.negativeTextEncodings)),
      },
      image: planes(pick(inputs.image)),
      inpaintImage: planes(pick(inputs.inpaintImage)),
      inpaintMask: planes(pick(inputs.inpaintMask)),
    }));
    const { imageEmbed, textEncodings, negative, image, inpaintImage, inpaintMask } = tensors;
    return new BatchTensors(imageEmbed, textEncodings, negative, image, inpaintImage, inpaintMask);
  }

  [Symbol.dispose](): void {
    const { imageEmbed, textEncodings, negative, image, inpaintImage, inpaintMask } = this;
    const pictures = [image, inpaintImage, inpaintMask];
    for (const tensor of [imageEmbed, textEncodings, negative.imageEmbed, negative.textEncodings, ...pictures]) {
      tensor?.dispose();
    }
  }
}

/** Throws `ArgumentError` for embeddings of the caller's own that hold infinity or NaN. */
export function checkEmbeddings(given: Readonly<Record<string, readonly Embedding[] | undefined>>): void {
  for (const [name, rows] of Object.entries(given)) {
    for (const [i, { data }] of (rows ?? []).entries()) finiteNumbers(`${name}[${i}].data`, data);
  }
}

/** All that is given for an input. */
export function rowsOf(inputs: DecoderInputs, input: number): Embedding[] {
  return Object.values(inputs as unknown as Record<string, readonly Embedding[] | undefined>).flatMap(
    (rows) => rows?.[input] ?? [],
  );
}

/** Number of inputs, the same for all that are given. */
export function commonCount(inputs: DecoderInputs): number {
  const counts = Object.entries(inputs as unknown as Record<string, readonly Embedding[] | undefined>)
    .filter(([, rows]) => rows !== undefined)
    .map(([name, rows]) => [name, rows!.length] as const);
  const count = counts[0]?.[1] ?? 0;
  if (counts.some(([, other]) => other !== count)) {
    throw new SamplingError(`Inputs differ in number: ${counts.map(([name, n]) => `${n} of ${name}`).join(", ")}.`);
  }
  return count;
}

/** Pictures as rows of batches. Throws `SamplingError` where they are not squares of one size. */
export function squares(images: readonly RgbImage[]): Embedding[] {
  const side = images[0]?.width;
  for (const [i, { width, height }] of images.entries()) {
    if (width !== height) {
      throw new SamplingError(
        `Picture ${i + 1} has ${width} × ${height} pixels, and the decoder works on squares: crop it or fill it up.`,
      );
    }
    if (width !== side) {
      throw new SamplingError(
        `Pictures of one call must have one size; the first has ${side} × ${side} pixels and picture ${i + 1} ${width} × ${height}.`,
      );
    }
  }
  return images.map((image) => ({ shape: [3, image.height, image.width], data: toPlanes(image) }));
}

/** A mask as a row of a batch. Throws `SamplingError` where it is not of its picture's size. */
export function maskPlane(mask: Mask, image: RgbImage | undefined): Embedding {
  const [height, width] = [image?.height ?? 0, image?.width ?? 0];
  if (mask.length !== height * width) {
    throw new SamplingError(`A mask has ${mask.length} pixels; its picture has ${width} × ${height}.`);
  }
  return { shape: [1, height, width], data: Float32Array.from(mask, Number) };
}

/** Uploads planes `[C, H, W]` as an f32 batch `[B, H, W, C]`. Throws `SamplingError` where their sizes differ. */
export function stackPlanes(arena: Arena, rows: readonly Embedding[]): Tensor {
  const [channels = 0, height = 0, width = 0] = rows[0]?.shape ?? [];
  const different = rows.find(({ shape }) => shape.join() !== rows[0]!.shape.join());
  if (different) {
    const [, otherHeight = 0, otherWidth = 0] = different.shape;
    throw new SamplingError(
      `Pictures of a batch must have one size; there are ${width} × ${height} and ${otherWidth} × ${otherHeight}.`,
    );
  }
  const size = channels * height * width;
  const data = new Float32Array(rows.length * size);
  for (const [i, row] of rows.entries()) data.set(row.data, i * size);
  return arena.fromNchw(data, [rows.length, channels, height, width], "f32");
}
