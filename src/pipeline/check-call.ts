// What is checked of a call before anything runs: no weights are loaded and no text is encoded for one that cannot be meant.
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
import { checkEmbeddings, checkMasks, checkSquares } from "./decoder-inputs.js";
import { checkRandomness, randomnessOf, type Randomness } from "./randomness.js";
import type { SampleDecoderOptions, SamplePriorOptions } from "./script-options.js";

/** How many results a call makes, and the generators that it draws from. */
export interface CheckedCall {
  readonly inputs: number;
  readonly randomness: Randomness;
}

/** A text, or its row of tokens. */
const textOrRow: ArgumentRule<unknown> = (name, value) => (ArrayBuffer.isView(value) ? value : textRule(name, value));

/** Throws `ArgumentError` for a call of the prior that cannot be meant, `SamplingError` for one that it cannot do. */
export function checkPriorCall(
  prior: Pick<Prior, "check">,
  textOrTokens: readonly unknown[],
  options: SamplePriorOptions,
  settings: AskedSettings,
): CheckedCall {
  const inputs = filledList(textOrRow)("text", textOrTokens).length;
  const { negativeText, sampleCount = 1 } = options;
  if (Array.isArray(negativeText)) checkLength("negativeText", negativeText, inputs);
  prior.check(settings);
  const randomness = randomnessOf(options);
  checkRandomness(randomness, inputs * sampleCount);
  return { inputs, randomness };
}

/** The same for a call of the decoder that samples so. */
export function checkDecoderCall(
  cascade: Pick<Cascade, "stages">,
  options: SampleDecoderOptions,
  settings: CascadeSettings,
): CheckedCall {
  planStages(cascade.stages, { ...options, ...settings }, { inpaints: options.inpaintImages !== undefined });
  const { images, imageEmbed, text, textEncoding, negativeText, negativeImageEmbed } = options;
  const { initImages, inpaintImages, inpaintImageMasks, startAtUnetNumber = 1, sampleCount = 1 } = options;
  // A later U-Net starts from the images, and draws the embeddings all the same.
  if (startAtUnetNumber === 1) atMostOne({ images, imageEmbed });
  atMostOne({ text, textEncoding });
  allOrNone({ inpaintImages, inpaintImageMasks });
  checkStart(options);
  const texts = { text, negativeText };
  const embeddings = { imageEmbed, textEncoding, negativeImageEmbed };
  const inputs = commonLength({ ...embeddings, images, ...texts, initImages, inpaintImages, inpaintImageMasks });
  for (const [name, given] of Object.entries(texts)) if (given) filledList(textRule)(name, given);
  checkEmbeddings(embeddings);
  if (startAtUnetNumber > 1 && images) checkSquares("images", images);
  for (const [i, image] of (initImages ?? []).entries()) checkSquares(`initImages[${i}]`, [image]);
  if (inpaintImages && inpaintImageMasks) checkMasks(inpaintImages, inpaintImageMasks);
  const randomness = randomnessOf(options);
  checkRandomness(randomness, inputs * sampleCount);
  return { inputs, randomness };
}

/** Throws `ArgumentError` where U-Net 1 cannot start from images. */
export function checkStart({
  initImages,
  strength,
  inpaintImages,
  startAtUnetNumber = 1,
}: Pick<SampleDecoderOptions, "initImages" | "strength" | "inpaintImages" | "startAtUnetNumber">): void {
  atMostOne({ initImages, inpaintImages });
  if (initImages === undefined && strength !== undefined) {
    const message = "strength says how much an initial image may change, and there is none: pass initImages.";
    throw new ArgumentError("strength", message, { code: "argument/missing" });
  }
  if (initImages === undefined || startAtUnetNumber === 1) return;
  const message = `U-Net 1 starts from initImages, and startAtUnetNumber is ${startAtUnetNumber}.`;
  throw new ArgumentError("initImages", message, { code: "argument/conflict" });
}

/** The number of values that all lists have which are given. */
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
    throw new ArgumentError(first[0], `Inputs differ in number: ${lengths}.`, { code: "argument/mismatch" });
  }
  return first[1];
}
