import type { RgbImage } from "../image/image.js";
import { resizeLanczos } from "../image/pillow-resize.js";
import type { Cascade } from "../models/interfaces.js";
import { ArgumentError } from "../platform/arguments.js";
import { DataRequirements } from "./data-requirements.js";
import { maskPlane, planes, type DecoderInputs } from "./decoder-inputs.js";
import type { Embedding } from "./embedding.js";
import type { SampleDecoderOptions } from "./script-options.js";

/** Encoders for inputs that a caller did not embed or encode. */
export interface Encoding {
  /** Whether there is a CLIP. */
  readonly canEncode: boolean;
  readonly embedImages: (images: readonly RgbImage[], signal?: AbortSignal) => Promise<Embedding[]>;
  readonly encodeText: (text: readonly string[], signal?: AbortSignal) => Promise<Embedding[]>;
}

/** Collects the inputs of the decoder. Embeds images and encodes texts if the call has no embeddings of them. */
export async function gatherInputs(
  decoder: Cascade,
  options: SampleDecoderOptions,
  encoding: Encoding,
): Promise<DecoderInputs> {
  const { images, imageEmbed, negativeImageEmbed, initImages, inpaintImages, signal } = options;
  const side = decoder.stages[0]!.info.imageSize;
  const { imageEmbedding, textEncoding: needsText, image } = needsOf(decoder, options, encoding.canEncode);
  return {
    imageEmbed: imageEmbedding ? (imageEmbed ?? (await encoding.embedImages(images!, signal))) : undefined,
    ...(needsText
      ? await textInputs(options, encoding)
      : { textEncodings: undefined, negativeTextEncodings: undefined }),
    negativeImageEmbed: imageEmbedding ? negativeImageEmbed : undefined,
    image: image ? planes(images!) : undefined,
    initImage: initImages && planes(initImages.map((one) => resizeLanczos(one, side, side))),
    inpaintImage: inpaintImages && planes(inpaintImages),
    inpaintMask: options.inpaintImageMasks?.map((mask, i) => maskPlane(mask, inpaintImages![i]!)),
  };
}

/** Returns what the decoder needs for a call. Throws `ArgumentError` if the call does not give it. */
export function needsOf(
  decoder: Cascade,
  { images, imageEmbed, text, textEncoding, startAtUnetNumber = 1 }: SampleDecoderOptions,
  canEncode: boolean,
): DataRequirements["needs"] {
  const stages = decoder.stages.map(({ info }) => info);
  const requirements = DataRequirements.ofDecoder(stages, startAtUnetNumber, canEncode);
  const problems = requirements.problems({
    imageEmbedding: imageEmbed !== undefined,
    textEncoding: textEncoding !== undefined,
    text: text !== undefined,
    imageSize: images && Math.min(...images.flatMap(({ width, height }) => [width, height])),
  });
  if (problems.length === 0) return requirements.needs;
  const argument = requirements.needs.textEncoding && !text && !textEncoding ? "text" : "imageEmbed";
  const message = `The decoder needs other inputs. ${problems.join(" ")}`;
  throw new ArgumentError(argument, message, { code: "argument/missing" });
}

/** Encodes texts and negative prompts together, so that all have one length. */
async function textInputs(
  { text = [], textEncoding, negativeText, signal }: SampleDecoderOptions,
  { encodeText }: Encoding,
): Promise<Pick<DecoderInputs, "textEncodings" | "negativeTextEncodings">> {
  const known = textEncoding ? [] : text;
  const encoded = await encodeText([...known, ...(negativeText ?? [])], signal);
  return {
    textEncodings: textEncoding ?? encoded.slice(0, known.length),
    negativeTextEncodings: negativeText && encoded.slice(known.length),
  };
}
