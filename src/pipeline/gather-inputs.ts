import { SamplingError } from "../diffusion/sampling-error.js";
import type { RgbImage } from "../image/image.js";
import type { Decoder } from "../models/dalle2-pytorch/decoder.js";
import { DataRequirements } from "./data-requirements.js";
import { checkEmbeddings, maskPlane, squares, type DecoderInputs } from "./decoder-inputs.js";
import type { Embedding } from "./embedding.js";
import type { SampleDecoderOptions } from "./script-options.js";

/** What embeds and encodes where a caller did not. */
export interface Encoding {
  /** Whether there is a CLIP that can. */
  readonly canEncode: boolean;
  readonly embedImages: (images: readonly RgbImage[], signal?: AbortSignal) => Promise<Embedding[]>;
  readonly encodeText: (text: readonly string[], signal?: AbortSignal) => Promise<Embedding[]>;
}

/** What the decoder takes, embedded where it was not given so. Throws `SamplingError` where it needs something else. */
export async function gatherInputs(
  decoder: Decoder,
  options: SampleDecoderOptions,
  encoding: Encoding,
): Promise<DecoderInputs> {
  const { images, imageEmbed, textEncoding, negativeImageEmbed, inpaintImages, signal } = options;
  checkEmbeddings({ imageEmbed, textEncoding, negativeImageEmbed });
  const { imageEmbedding, textEncoding: needsText, image } = checkedNeeds(decoder, options, encoding);
  return {
    imageEmbed: imageEmbedding ? (imageEmbed ?? (await encoding.embedImages(images!, signal))) : undefined,
    ...(needsText
      ? await textInputs(options, encoding)
      : { textEncodings: undefined, negativeTextEncodings: undefined }),
    negativeImageEmbed: imageEmbedding ? negativeImageEmbed : undefined,
    image: image ? squares(images!) : undefined,
    inpaintImage: inpaintImages && squares(inpaintImages),
    inpaintMask: options.inpaintImageMasks?.map((mask, i) => maskPlane(mask, inpaintImages?.[i])),
  };
}

function checkedNeeds(
  decoder: Decoder,
  { images, imageEmbed, text, textEncoding, startAtUnetNumber = 1 }: SampleDecoderOptions,
  { canEncode }: Encoding,
): DataRequirements["needs"] {
  const stages = decoder.stages.map(({ stage }) => stage);
  const requirements = DataRequirements.ofDecoder(stages, startAtUnetNumber, canEncode);
  const problems = requirements.problems({
    imageEmbedding: imageEmbed !== undefined,
    textEncoding: textEncoding !== undefined,
    text: text !== undefined,
    imageSize: images && Math.min(...images.flatMap(({ width, height }) => [width, height])),
  });
  if (problems.length > 0) throw new SamplingError(`The decoder cannot run on this. ${problems.join(" ")}`);
  return requirements.needs;
}

/** Text encodings of texts and negative texts; encoded together, so that they are of one length. */
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
