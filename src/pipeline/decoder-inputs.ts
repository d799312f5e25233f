import { ArgumentError, finiteNumbers } from "../platform/arguments.js";
import { toPlanes, type RgbImage } from "../image/image.js";
import type { Cascade, CascadeSampling } from "../models/interfaces.js";
import type { Arena } from "../tensor/arena.js";
import type { Tensor } from "../tensor/tensor.js";
import { stackRows, type Embedding } from "./embedding.js";
import { DEFAULT_STRENGTH, type Mask, type SampleDecoderOptions } from "./script-options.js";

const MISMATCH = { code: "argument/mismatch" } as const;

/** What the decoder is given, on the host: one row for each input; images and masks as planes `[C, H, W]`. */
export interface DecoderInputs {
  readonly imageEmbed: readonly Embedding[] | undefined;
  readonly textEncodings: readonly Embedding[] | undefined;
  readonly negativeImageEmbed: readonly Embedding[] | undefined;
  readonly negativeTextEncodings: readonly Embedding[] | undefined;
  readonly image: readonly Embedding[] | undefined;
  /** At the size of the first stage. */
  readonly initImage: readonly Embedding[] | undefined;
  readonly inpaintImage: readonly Embedding[] | undefined;
  readonly inpaintMask: readonly Embedding[] | undefined;
}

/** The inputs of one batch on the GPU, by the names that the decoder has for them. */
type DecoderTensors = Pick<
  CascadeSampling<Cascade>,
  "imageEmbed" | "textEncodings" | "negative" | "image" | "initImage" | "inpaintImage" | "inpaintMask"
>;

/** Uploads the inputs of one batch, and frees them. */
export class BatchTensors {
  private constructor(readonly named: DecoderTensors) {}

  static upload(arena: Arena, inputs: DecoderInputs, chosen: readonly number[]): BatchTensors {
    const pick = (rows: readonly Embedding[] | undefined) => rows && chosen.map((index) => rows[index]!);
    const stack = (rows: readonly Embedding[] | undefined) => rows && stackRows(arena, pick(rows)!, "f32");
    const asPlanes = (rows: readonly Embedding[] | undefined) => rows && stackPlanes(arena, pick(rows)!);
    // In a scope, which frees the first of them where a later one fails.
    const named = arena.scope(() => ({
      imageEmbed: stack(inputs.imageEmbed),
      textEncodings: stack(inputs.textEncodings),
      negative: {
        imageEmbed: stack(inputs.negativeImageEmbed),
        textEncodings: stack(inputs.negativeTextEncodings),
      },
      image: asPlanes(inputs.image),
      initImage: asPlanes(inputs.initImage),
      inpaintImage: asPlanes(inputs.inpaintImage),
      inpaintMask: asPlanes(inputs.inpaintMask),
    }));
    return new BatchTensors(named);
  }

  [Symbol.dispose](): void {
    const { imageEmbed, textEncodings, negative, image, initImage, inpaintImage, inpaintMask } = this.named;
    const images = [image, initImage, inpaintImage, inpaintMask];
    for (const tensor of [imageEmbed, textEncodings, negative?.imageEmbed, negative?.textEncodings, ...images]) {
      tensor?.dispose();
    }
  }
}

/**
 * Throws `ArgumentError` for embeddings of the caller's own that hold infinity or NaN, or other numbers of values than their
 * shapes say, and for lists of them whose shapes differ.
 */
export function checkEmbeddings(given: Readonly<Record<string, readonly Embedding[] | undefined>>): void {
  for (const [name, rows] of Object.entries(given)) {
    for (const [i, { shape, data }] of (rows ?? []).entries()) {
      finiteNumbers(`${name}[${i}].data`, data);
      const [own, first] = [shape, rows![0]!.shape].map((one) => `[${one.join(", ")}]`);
      if (data.length !== shape.reduce((product, size) => product * size, 1)) {
        throw new ArgumentError(name, `${name}[${i}] has ${data.length} values; its shape is ${own}.`, MISMATCH);
      }
      if (own !== first) {
        throw new ArgumentError(name, `${name}[${i}] is of shape ${own}, ${name}[0] of ${first}.`, MISMATCH);
      }
    }
  }
}

/** All that is given for an input. */
export function rowsOf(inputs: DecoderInputs, input: number): Embedding[] {
  return Object.values(inputs as unknown as Record<string, readonly Embedding[] | undefined>).flatMap(
    (rows) => rows?.[input] ?? [],
  );
}

/** Throws `ArgumentError` where images are not squares of one size. */
export function checkSquares(name: string, images: readonly RgbImage[]): void {
  const side = images[0]?.width;
  for (const [i, { width, height }] of images.entries()) {
    if (width !== height) {
      throw new ArgumentError(
        name,
        `${name}[${i}] has ${width} × ${height} pixels, and the decoder works on squares: crop it or fill it up.`,
        MISMATCH,
      );
    }
    if (width !== side) {
      throw new ArgumentError(
        name,
        `${name} must have one size; the first has ${side} × ${side} pixels and ${name}[${i}] ${width} × ${height}.`,
        MISMATCH,
      );
    }
  }
}

/** Throws `ArgumentError` where images to inpaint are not squares of one size, and where a mask is not of its image's size. */
export function checkMasks(images: readonly RgbImage[], masks: readonly Mask[]): void {
  checkSquares("inpaintImages", images);
  for (const [i, { length }] of masks.entries()) {
    const { width, height } = images[i]!;
    if (length === width * height) continue;
    const name = `inpaintImageMasks[${i}]`;
    throw new ArgumentError(name, `${name} has ${length} pixels; its image has ${width} × ${height}.`, MISMATCH);
  }
}

/** How much of the steps of U-Net 1 is run where it starts from images. */
export function strengthOf({
  initImages,
  strength = DEFAULT_STRENGTH,
}: Pick<SampleDecoderOptions, "initImages" | "strength">): number | undefined {
  return initImages && strength;
}

/** Images as rows of batches. */
export function planes(images: readonly RgbImage[]): Embedding[] {
  return images.map((image) => ({ shape: [3, image.height, image.width], data: toPlanes(image) }));
}

/** A mask of an image as a row of a batch. */
export function maskPlane(mask: Mask, { width, height }: RgbImage): Embedding {
  return { shape: [1, height, width], data: Float32Array.from(mask, Number) };
}

/** Uploads planes `[C, H, W]` as an f32 batch `[B, H, W, C]`. Throws `ArgumentError` where their sizes differ. */
export function stackPlanes(arena: Arena, rows: readonly Embedding[]): Tensor {
  const [channels = 0, height = 0, width = 0] = rows[0]?.shape ?? [];
  const different = rows.find(({ shape }) => shape.join() !== rows[0]!.shape.join());
  if (different) {
    const [, otherHeight = 0, otherWidth = 0] = different.shape;
    throw new ArgumentError(
      "images",
      `Images of a batch must have one size; there are ${width} × ${height} and ${otherWidth} × ${otherHeight}.`,
      MISMATCH,
    );
  }
  const size = channels * height * width;
  const data = new Float32Array(rows.length * size);
  for (const [i, row] of rows.entries()) data.set(row.data, i * size);
  return arena.fromNchw(data, [rows.length, channels, height, width], "f32");
}
