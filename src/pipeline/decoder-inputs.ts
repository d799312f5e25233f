import { ArgumentError, finiteNumbers } from "../platform/arguments.js";
import { toPlanes, type RgbImage } from "../image/image.js";
import type { Cascade, CascadeSampling, TextMaskRows } from "../models/interfaces.js";
import type { Arena } from "../tensor/arena.js";
import type { Tensor } from "../tensor/tensor.js";
import { stackRows, type Embedding, type Row } from "./embedding.js";
import { DEFAULT_STRENGTH, type Mask, type SampleDecoderOptions } from "./script-options.js";

const MISMATCH = { code: "argument/mismatch" } as const;

/** Texts as a decoder takes them, one for each input of the call. */
export interface TextInputs {
  readonly textEncodings: readonly Embedding[];
  /** If the decoder takes embeddings of texts. */
  readonly textEmbed?: readonly Embedding[] | undefined;
  readonly textMask?: TextMaskRows | undefined;
}

/** Inputs of the decoder on the host, one row for each input of the call. Images and masks are planes `[C, H, W]`. */
export interface DecoderInputs {
  readonly imageEmbed: readonly Embedding[] | undefined;
  readonly text: TextInputs | undefined;
  readonly negativeImageEmbed: readonly Embedding[] | undefined;
  readonly negativeText: TextInputs | undefined;
  /** Low-resolution images, if sampling starts above U-Net 1. */
  readonly image: readonly Row[] | undefined;
  /** Initial images, in the size of U-Net 1. */
  readonly initImage: readonly Row[] | undefined;
  readonly inpaintImage: readonly Row[] | undefined;
  readonly inpaintMask: readonly Row[] | undefined;
  /** In the size that the decoder takes. */
  readonly hint: readonly Row[] | undefined;
}

/** Inputs of one batch on the GPU, under the decoder's names for them. */
type DecoderTensors = Pick<
  CascadeSampling<Cascade>,
  | "imageEmbed"
  | "textEncodings"
  | "textEmbed"
  | "textMask"
  | "negative"
  | "image"
  | "initImage"
  | "inpaintImage"
  | "inpaintMask"
  | "hint"
>;

/** Uploads the inputs of one batch, and frees them. */
export class BatchTensors {
  private constructor(readonly named: DecoderTensors) {}

  static upload(arena: Arena, inputs: DecoderInputs, chosen: readonly number[]): BatchTensors {
    const pick = <R extends Row>(rows: readonly R[]) => chosen.map((index) => rows[index]!);
    const stack = (rows: readonly Embedding[] | undefined) => rows && stackRows(arena, pick(rows), "f32");
    const stackText = (text: TextInputs | undefined) => ({
      textEncodings: stack(text?.textEncodings),
      textEmbed: stack(text?.textEmbed),
      textMask: text?.textMask && chosen.map((index) => text.textMask![index]!),
    });
    const asPlanes = (rows: readonly Row[] | undefined) => rows && stackPlanes(arena, pick(rows));
    // The scope frees the tensors that were uploaded if a later one fails.
    const named = arena.scope(() => ({
      imageEmbed: stack(inputs.imageEmbed),
      ...stackText(inputs.text),
      negative: { imageEmbed: stack(inputs.negativeImageEmbed), ...stackText(inputs.negativeText) },
      image: asPlanes(inputs.image),
      initImage: asPlanes(inputs.initImage),
      inpaintImage: asPlanes(inputs.inpaintImage),
      inpaintMask: asPlanes(inputs.inpaintMask),
      hint: asPlanes(inputs.hint),
    }));
    return new BatchTensors(named);
  }

  [Symbol.dispose](): void {
    const { imageEmbed, textEncodings, textEmbed, negative, image, initImage, inpaintImage, inpaintMask, hint } =
      this.named;
    const negatives = [negative?.imageEmbed, negative?.textEncodings, negative?.textEmbed];
    const images = [image, initImage, inpaintImage, inpaintMask, hint];
    for (const tensor of [imageEmbed, textEncodings, textEmbed, ...negatives, ...images]) tensor?.dispose();
  }
}

/**
 * Throws `ArgumentError` if embeddings from the caller hold infinity or NaN, if the number of their values does not fit their
 * shape, or if the shapes in a list differ.
 */
export function checkEmbeddings(given: Readonly<Record<string, readonly Embedding[] | undefined>>): void {
  for (const [name, rows] of Object.entries(given)) {
    for (const [i, { shape, data }] of (rows ?? []).entries()) {
      finiteNumbers(`${name}[${i}].data`, data);
      const [own, first] = [shape, rows![0]!.shape].map((one) => `[${one.join(", ")}]`);
      if (data.length !== shape.reduce((product, size) => product * size, 1)) {
        throw new ArgumentError(name, `${name}[${i}] has ${data.length} values, but its shape is ${own}.`, MISMATCH);
      }
      if (own !== first) {
        throw new ArgumentError(name, `${name}[${i}] has shape ${own}, but ${name}[0] has ${first}.`, MISMATCH);
      }
    }
  }
}

/** The embeddings and text encodings of an input. */
export function embeddingsOf(
  { imageEmbed, text, negativeImageEmbed, negativeText }: DecoderInputs,
  input: number,
): Embedding[] {
  const ofTexts = [text, negativeText].flatMap((one) => [one?.textEncodings, one?.textEmbed]);
  const lists = [imageEmbed, negativeImageEmbed, ...ofTexts];
  return lists.flatMap((list) => list?.[input] ?? []);
}

/** Throws `ArgumentError` if images are not square, or differ in size. */
export function checkSquares(name: string, images: readonly RgbImage[]): void {
  const side = images[0]?.width;
  for (const [i, { width, height }] of images.entries()) {
    if (width !== height) {
      throw new ArgumentError(
        name,
        `${name}[${i}] has ${width} × ${height} pixels, but the decoder needs square images: crop or pad it.`,
        MISMATCH,
      );
    }
    if (width !== side) {
      throw new ArgumentError(
        name,
        `${name} must have one size, but the first has ${side} × ${side} pixels and ${name}[${i}] ${width} × ${height}.`,
        MISMATCH,
      );
    }
  }
}

/**
 * Throws `ArgumentError` if images to inpaint differ in size from their masks or, for a decoder of one size, are not squares of one
 * size.
 */
export function checkMasks(images: readonly RgbImage[], masks: readonly Mask[], { areSquare = true } = {}): void {
  if (areSquare) checkSquares("inpaintImages", images);
  for (const [i, { length }] of masks.entries()) {
    const { width, height } = images[i]!;
    if (length === width * height) continue;
    const name = `inpaintImageMasks[${i}]`;
    throw new ArgumentError(name, `${name} has ${length} pixels, but its image has ${width} × ${height}.`, MISMATCH);
  }
}

/** Share of the steps of U-Net 1 that is run from initial images; undefined without them. */
export function strengthOf({
  initImages,
  strength = DEFAULT_STRENGTH,
}: Pick<SampleDecoderOptions, "initImages" | "strength">): number | undefined {
  return initImages && strength;
}

/** Converts images to rows of batches: planes `[3, H, W]` in [0, 1]. */
export function planes(images: readonly RgbImage[]): Row[] {
  return images.map((image) => ({ shape: [3, image.height, image.width], data: toPlanes(image) }));
}

/** Converts the mask of an image to a row of a batch: a plane `[1, H, W]`. */
export function maskPlane(mask: Mask, { width, height }: RgbImage): Row {
  return { shape: [1, height, width], data: Float32Array.from(mask, Number) };
}

/** Uploads planes `[C, H, W]` as an f32 batch `[B, H, W, C]`. Throws `ArgumentError` if their sizes differ. */
export function stackPlanes(arena: Arena, rows: readonly Row[]): Tensor {
  const [channels = 0, height = 0, width = 0] = rows[0]?.shape ?? [];
  const different = rows.find(({ shape }) => shape.join() !== rows[0]!.shape.join());
  if (different) {
    const [, otherHeight = 0, otherWidth = 0] = different.shape;
    throw new ArgumentError(
      "images",
      `Images of a batch must have one size, got ${width} × ${height} and ${otherWidth} × ${otherHeight}.`,
      MISMATCH,
    );
  }
  const size = channels * height * width;
  const data = new Float32Array(rows.length * size);
  for (const [i, row] of rows.entries()) data.set(row.data, i * size);
  return arena.fromNchw(data, [rows.length, channels, height, width], "f32");
}
