import { isGuided } from "../diffusion/guidance.js";
import type { NetworkSettings } from "../diffusion/settings.js";
import type { RgbImage } from "../image/image.js";
import { resizeLanczos } from "../image/pillow-resize.js";
import type { Cascade } from "../models/interfaces.js";
import { ArgumentError } from "../platform/arguments.js";
import { canvasSize, hintSize, hintsOf } from "./canvas.js";
import type { ImageSize } from "./canvas-options.js";
import { DataRequirements } from "./data-requirements.js";
import { maskPlane, planes, type DecoderInputs, type TextInputs } from "./decoder-inputs.js";
import type { Embedding, Row } from "./embedding.js";
import type { EncodedText } from "./manager/encoded-texts.js";
import { eachOf, type SampleDecoderOptions } from "./script-options.js";

/** Encoders for inputs that a caller did not embed or encode. */
export interface Encoding {
  /** Whether there is a CLIP. */
  readonly canEncode: boolean;
  readonly embedImages: (images: readonly RgbImage[], signal?: AbortSignal) => Promise<Embedding[]>;
  /** Embeds no image; undefined if the image encoder does not. */
  readonly embedNull: (signal?: AbortSignal) => Promise<Embedding | undefined>;
  readonly encodeTexts: (texts: readonly string[], signal?: AbortSignal) => Promise<EncodedText[]>;
}

/** What decides, beside its options, which inputs a call of the decoder has. */
export interface Gathering {
  readonly encoding: Encoding;
  /** Number of inputs. */
  readonly inputs: number;
  /** Settings of each U-Net. */
  readonly settings: readonly NetworkSettings[];
}

/** Collects the inputs of the decoder. Embeds images and encodes texts if the call has no embeddings of them. */
export async function gatherInputs(
  decoder: Cascade,
  options: SampleDecoderOptions,
  gathering: Gathering,
): Promise<DecoderInputs> {
  const { images, imageEmbed, negativeImageEmbed, initImages, inpaintImages, signal } = options;
  const { width, height } = canvasSize(decoder.stages[0]!.info, options);
  const { encoding } = gathering;
  const { imageEmbedding, image } = needsOf(decoder, options, encoding.canEncode);
  const { preparation } = decoder;
  const resized = (one: RgbImage) => preparation?.image(one, [height, width]) ?? resizeLanczos(one, width, height);
  const masked = preparation ? inpaintImages?.map(resized) : inpaintImages;
  return {
    imageEmbed: imageEmbedding ? (imageEmbed ?? (await encoding.embedImages(images!, signal))) : undefined,
    ...(await textInputs(decoder, options, gathering)),
    negativeImageEmbed: imageEmbedding ? negativeImageEmbed : undefined,
    image: image ? planes(images!) : undefined,
    initImage: initImages && planes(initImages.map(resized)),
    inpaintImage: masked && planes(masked),
    inpaintMask: options.inpaintImageMasks?.map((mask, i) => {
      const own = preparation?.mask(mask, inpaintImages![i]!, [height, width]) ?? mask;
      return maskPlane(own, masked![i]!);
    }),
    hint: hintRows(hintsOf(options, gathering.inputs), hintSize(decoder.stages[0]!.info, options)),
  };
}

/** Hints in the size that the decoder takes. Inputs that share a hint share its row. */
function hintRows(hints: readonly RgbImage[] | undefined, { width, height }: ImageSize): DecoderInputs["hint"] {
  const rows = new Map<RgbImage, Row>();
  return hints?.map((hint) => {
    const row = rows.get(hint) ?? planes([resizeLanczos(hint, width, height)])[0]!;
    rows.set(hint, row);
    return row;
  });
}

/** Returns what the decoder needs for a call. Throws `ArgumentError` if the call does not give it. */
export function needsOf(
  decoder: Cascade,
  options: SampleDecoderOptions,
  canEncode: boolean,
): DataRequirements["needs"] {
  const { images, imageEmbed, text, textEncoding, startAtUnetNumber = 1 } = options;
  const stages = decoder.stages.map(({ info }) => info);
  const requirements = DataRequirements.ofDecoder(stages, startAtUnetNumber, canEncode, decoder.nullText);
  const problems = requirements.problems({
    imageEmbedding: imageEmbed !== undefined,
    textEncoding: textEncoding !== undefined,
    text: text !== undefined,
    imageSize: images && Math.min(...images.flatMap(({ width, height }) => [width, height])),
  });
  if (problems.length > 0) {
    const argument = requirements.needs.textEncoding && !text && !textEncoding ? "text" : "imageEmbed";
    const message = `The decoder needs other inputs. ${problems.join(" ")}`;
    throw new ArgumentError(argument, message, { code: "argument/missing" });
  }
  checkTextEmbed(decoder, options);
  return requirements.needs;
}

/** Throws `ArgumentError` if a caller encoded texts for U-Nets that take embeddings of them too, and did not give these. */
function checkTextEmbed(
  decoder: Cascade,
  { textEncoding, textEmbed, startAtUnetNumber: start = 1 }: SampleDecoderOptions,
) {
  if (textEncoding === undefined || textEmbed !== undefined || !takesTextEmbed(decoder, start)) return;
  const message = "This decoder takes the embedding of a text beside its encodings: pass textEmbed too.";
  throw new ArgumentError("textEmbed", message, { code: "argument/missing" });
}

function takesTextEmbed({ stages }: Cascade, start: number): boolean {
  return stages.slice(start - 1).some(({ info }) => info.takesTextEmbed);
}

type Texts = Pick<DecoderInputs, "text" | "negativeText">;

/**
 * Encodes texts and negative prompts together, so that all have one length. The null text of a decoder stands for those that
 * are missing; without guidance, there are no negative ones.
 */
async function textInputs(
  decoder: Cascade,
  options: SampleDecoderOptions,
  { encoding, inputs, settings }: Gathering,
): Promise<Texts> {
  const { textEncoding, textEmbed, textMask, signal, startAtUnetNumber: start = 1, stopAtUnetNumber: stop } = options;
  const { nullText, stages } = decoder;
  if (!stages.slice(start - 1).some(({ info }) => info.takesText)) return { text: undefined, negativeText: undefined };
  const isGuidedHere = stages.some(({ info }, i) => {
    const runs = i >= start - 1 && i < (stop ?? Infinity);
    return runs && info.takesText && isGuided(settings[i]!);
  });
  const text = textEncoding ? [] : (options.text ?? eachOf("text", nullText, inputs) ?? []);
  const negative = options.negativeText ?? (isGuidedHere ? eachOf("negativeText", nullText, inputs) : undefined);
  const encoded = await encoding.encodeTexts([...text, ...(negative ?? [])], signal);
  const takesEmbed = takesTextEmbed(decoder, start);
  const own = textEncoding
    ? { textEncodings: textEncoding, ...(takesEmbed ? { textEmbed, textMask } : {}) }
    : inputsOf(encoded.slice(0, text.length), takesEmbed);
  return { text: own, negativeText: negative && inputsOf(encoded.slice(text.length), takesEmbed) };
}

function inputsOf(texts: readonly EncodedText[], takesEmbed: boolean): TextInputs {
  const textEncodings = texts.map((text) => text.textEncodings);
  if (!takesEmbed) return { textEncodings };
  const [textEmbed, textMask] = [texts.map((text) => text.textEmbed), texts.map((text) => text.textMask)];
  return { textEncodings, textEmbed, textMask };
}
