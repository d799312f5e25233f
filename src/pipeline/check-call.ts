// Checks of a call before it loads weights or encodes texts.
import {
  allOrNone,
  anything,
  ArgumentError,
  atMostOne,
  checkLength,
  filledList,
  text as textRule,
  type ArgumentRule,
} from "../platform/arguments.js";
import type { AskedSettings, CascadeSettings } from "../diffusion/settings.js";
import type { Cascade, Prior } from "../models/interfaces.js";
import { planStages } from "../models/per-stage.js";
import { checkCanvas, canvasSize, hasSizes, hintsOf } from "./canvas.js";
import { checkEmbeddings, checkMasks, checkSquares } from "./decoder-inputs.js";
import { checkRandomness, randomnessOf, type Randomness } from "./randomness.js";
import { DEFAULT_PRIOR_STRENGTH, type SampleDecoderOptions, type SamplePriorOptions } from "./script-options.js";

/** The number of inputs of a call, and its generators. */
export interface CheckedCall {
  readonly inputs: number;
  readonly randomness: Randomness;
}

/** Accepts a text, or its row of tokens. */
const textOrRow: ArgumentRule<unknown> = (name, value) => (ArrayBuffer.isView(value) ? value : textRule(name, value));

/** Checks a call of the prior. Throws `ArgumentError` for invalid options, and `SamplingError` if the prior cannot run them. */
export function checkPriorCall(
  prior: Pick<Prior, "check" | "takesInitEmbed" | "imageEmbedDim">,
  textOrTokens: readonly unknown[],
  options: SamplePriorOptions,
  settings: AskedSettings,
): CheckedCall {
  const inputs = filledList(textOrRow)("text", textOrTokens).length;
  const { negativeText, sampleCount = 1 } = options;
  if (Array.isArray(negativeText)) checkLength("negativeText", negativeText, inputs);
  checkInitEmbed(prior, inputs, options);
  const { initEmbed, strength = DEFAULT_PRIOR_STRENGTH } = options;
  prior.check(settings, initEmbed && { strength });
  const randomness = randomnessOf(options);
  checkRandomness(randomness, inputs * sampleCount);
  return { inputs, randomness };
}

/** Throws `ArgumentError` if image embeddings to start from do not fit the prior or the other options. */
function checkInitEmbed(
  { takesInitEmbed, imageEmbedDim }: Pick<Prior, "takesInitEmbed" | "imageEmbedDim">,
  inputs: number,
  { initEmbed, strength, sampleCount = 1, negativeText }: SamplePriorOptions,
): void {
  if (initEmbed === undefined) {
    if (strength === undefined) return;
    const message = "strength needs initEmbed: pass that too.";
    throw new ArgumentError("strength", message, { code: "argument/missing" });
  }
  if (!takesInitEmbed) {
    const message = "This prior takes no initEmbed; that of Kandinsky 2.2 does.";
    throw new ArgumentError("initEmbed", message, { code: "argument/no-effect" });
  }
  const rows = inputs * sampleCount;
  const lengths = [inputs, rows, ...(negativeText === undefined ? [] : [2 * rows])];
  const { length } = filledList(anything)("initEmbed", initEmbed);
  if (!lengths.includes(length)) {
    const expected = [...new Set(lengths)].join(" or ");
    const message = `initEmbed has ${length} embeddings; expected ${expected}.`;
    throw new ArgumentError("initEmbed", message, { code: "argument/mismatch" });
  }
  checkEmbeddings({ initEmbed });
  const { shape } = initEmbed[0]!;
  if (shape.join() === `${imageEmbedDim}`) return;
  const message = `initEmbed[0] has shape [${shape.join(", ")}]; expected [${imageEmbedDim}].`;
  throw new ArgumentError("initEmbed", message, { code: "argument/mismatch" });
}

/** The same for a call of the decoder. */
export function checkDecoderCall(
  cascade: Pick<Cascade, "stages">,
  options: SampleDecoderOptions,
  settings: CascadeSettings,
): CheckedCall {
  planStages(cascade.stages, { ...options, ...settings }, { inpaints: options.inpaintImages !== undefined });
  const { images, imageEmbed, text, textEncoding, textEmbed, textMask, negativeText, negativeImageEmbed } = options;
  const { initImages, inpaintImages, inpaintImageMasks, startAtUnetNumber = 1, sampleCount = 1, hint } = options;
  checkCanvas(cascade, options, inpaintImages !== undefined);
  // A later U-Net enlarges the images, and takes the embeddings too.
  if (startAtUnetNumber === 1) atMostOne({ images, imageEmbed });
  atMostOne({ text, textEncoding });
  checkEncodings(options);
  allOrNone({ inpaintImages, inpaintImageMasks });
  checkStart(options);
  const texts = { text, negativeText };
  const embeddings = { imageEmbed, textEncoding, textEmbed, negativeImageEmbed };
  const others = { images, ...texts, textMask, initImages, inpaintImages, inpaintImageMasks };
  const inputs = commonLength({ ...embeddings, ...others });
  for (const [name, given] of Object.entries(texts)) if (given) filledList(textRule)(name, given);
  checkEmbeddings(embeddings);
  if (startAtUnetNumber > 1 && images) checkSquares("images", images);
  const areSquare = !hasSizes(cascade);
  for (const [i, image] of areSquare ? (initImages ?? []).entries() : []) checkSquares(`initImages[${i}]`, [image]);
  if (inpaintImages && inpaintImageMasks) checkMasks(inpaintImages, inpaintImageMasks, { areSquare });
  hintsOf({ hint }, inputs);
  canvasSize(cascade.stages[0]!.info, options);
  const randomness = randomnessOf(options);
  checkRandomness(randomness, inputs * sampleCount);
  return { inputs, randomness };
}

/** Throws `ArgumentError` if embeddings or masks of texts do not belong to encodings. */
function checkEncodings({ textEncoding, textEmbed, textMask }: SampleDecoderOptions): void {
  for (const [name, given] of Object.entries({ textEmbed, textMask })) {
    if (given === undefined || textEncoding !== undefined) continue;
    throw new ArgumentError(name, `${name} belongs to textEncoding: pass that too.`, { code: "argument/missing" });
  }
  for (const [i, { shape }] of (textEncoding ?? []).entries()) {
    const mask = textMask?.[i];
    if (mask === undefined || mask.length === shape[0]) continue;
    throw new ArgumentError(
      `textMask[${i}]`,
      `textMask[${i}] has ${mask.length} values, but its text has ${shape[0]} encodings.`,
      { code: "argument/mismatch" },
    );
  }
}

/** Throws `ArgumentError` if initial images do not fit the other options. */
export function checkStart({
  initImages,
  strength,
  inpaintImages,
  startAtUnetNumber = 1,
}: Pick<SampleDecoderOptions, "initImages" | "strength" | "inpaintImages" | "startAtUnetNumber">): void {
  atMostOne({ initImages, inpaintImages });
  if (initImages === undefined && strength !== undefined) {
    const message = "strength needs an initial image: pass initImages.";
    throw new ArgumentError("strength", message, { code: "argument/missing" });
  }
  if (initImages === undefined || startAtUnetNumber === 1) return;
  const message = `initImages needs U-Net 1, but startAtUnetNumber is ${startAtUnetNumber}.`;
  throw new ArgumentError("initImages", message, { code: "argument/conflict" });
}

/** Returns the common length of the lists that are given. Throws `ArgumentError` if they differ, or if there are none. */
function commonLength(given: Readonly<Record<string, readonly unknown[] | undefined>>): number {
  const lists = Object.entries(given).flatMap(([name, values]) =>
    values === undefined ? [] : [[name, filledList(anything)(name, values).length] as const],
  );
  const [first] = lists;
  if (!first) {
    throw new ArgumentError("imageEmbed", `Pass at least one of ${Object.keys(given).join(", ")}.`, {
      code: "argument/missing",
    });
  }
  if (lists.some(([, length]) => length !== first[1])) {
    const lengths = lists.map(([name, length]) => `${length} of ${name}`).join(", ");
    throw new ArgumentError(first[0], `Inputs must have the same length, got ${lengths}.`, {
      code: "argument/mismatch",
    });
  }
  return first[1];
}
