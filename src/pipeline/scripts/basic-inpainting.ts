import { counted } from "../../platform/counted.js";
import { ArgumentError, filledList, text as textRule } from "../../platform/arguments.js";
import type { RgbImage } from "../../image/image.js";
import { describeUniform } from "../../image/mask.js";
import { withPrior } from "./basic-inference.js";
import { hasSizes } from "../canvas.js";
import { decoderOf } from "../decoder-call.js";
import { checkMasks } from "../decoder-inputs.js";
import { InferenceScript } from "../inference-script.js";
import type { GeneratedImage } from "../generated-image.js";
import { randomnessOf } from "../randomness.js";
import { eachOf, type Mask, type NegativeOptions, type TwoStageOptions } from "../script-options.js";
import { checkOptions, unprefixed } from "../settings.js";

/** Options of `BasicInpainting.run`. */
export interface BasicInpaintingOptions extends TwoStageOptions, NegativeOptions {
  /** Images for each input, each from an image embedding of its own. Default 1. */
  readonly sampleCount?: number | undefined;
  /** How often each step is repeated (Lugmayr et al. 2022). Default 5. */
  readonly resampleTimes?: number | undefined;
}

/**
 * Inpainting: generates the parts of an image that a mask does not keep, from a text. It is the script of dalle2-laion with
 * the same name. A mask is true where its image is kept, as in dalle2-laion's code; its README says the opposite.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/scripts/BasicInpainting.py#L11-L60
 *
 * @example
 * using script = await BasicInpainting.create();
 * const mask = maskFromImage(await loadImage("mask.png"));
 * const images = await script.run([await loadImage("photo.png")], [mask], "a red circle", { seed: 1 });
 */
export class BasicInpainting extends InferenceScript {
  protected override readonly scriptName: string = "BasicInpainting";

  /**
   * Inpaints images, each with a mask and a text. Returns the results by index of the input. Images must be square and of one
   * size, unless the decoder generates images of many sizes. Kept pixels have the bytes of the image; if the result has another
   * size, the nearest neighbour of each or, for decoders with a preparation of their own, those of the resized image. Warns of
   * masks that keep everything or nothing. Rejects with `ArgumentError` for invalid inputs and options.
   */
  async run(
    images: readonly RgbImage[],
    masks: readonly Mask[],
    text: string | readonly string[],
    options: BasicInpaintingOptions = {},
  ): Promise<Map<number, GeneratedImage[]>> {
    checkOptions(options);
    const texts = filledList(textRule)("text", typeof text === "string" ? [text] : text);
    if (images.length !== texts.length || masks.length !== texts.length) {
      throw new ArgumentError(
        "masks",
        `Inpainting needs one mask and one text for each image, got ${counted(masks.length, "mask")} and ${counted(texts.length, "text")} for ${counted(images.length, "image")}.`,
        { code: "argument/mismatch" },
      );
    }
    const { sampleCount = 1, resampleTimes = 5, signal, onProgress, onImage, previewEvery } = options;
    const priorOptions = unprefixed("prior", options);
    const { size, hint } = options;
    const decoderOptions = { ...unprefixed("decoder", options), size, hint };
    const prior = this.priorSettings(priorOptions);
    this.checkDecoderSettings(decoderOptions, true);
    checkMasks(images, masks, { areSquare: !hasSizes(decoderOf(this.manager)) });
    const negativeText = eachOf("negativeText", options.negativeText, texts.length);
    if (negativeText) this.checkNegative(decoderOptions, prior);
    this.#warnOfUniform(masks);
    const count = texts.length * sampleCount;
    const timeEstimate = this.timeEstimate({
      prior: { ...prior, embeddings: count * (negativeText && this.negativeRun === "own" ? 2 : 1) },
      decoder: { ...decoderOptions, inpaintImages: images, images: count, resampleTimes },
    });
    const shared = { generator: randomnessOf(options), signal, onProgress, timeEstimate };
    const call = { ...shared, ...priorOptions, ...prior, sampleCount };
    const { embeddings, negativeImageEmbed } = await this.embedTexts(texts, { ...call, negativeText });
    const flat = embeddings.flatMap((each, input) => each.map((embedding) => ({ input, embedding })));
    const generated = await this.sampleDecoder({
      ...shared,
      ...decoderOptions,
      onImage,
      previewEvery,
      text: flat.map(({ input }) => texts[input]!),
      imageEmbed: flat.map(({ embedding }) => embedding),
      negativeText: negativeText && flat.map(({ input }) => negativeText[input]!),
      negativeImageEmbed,
      inpaintImages: flat.map(({ input }) => images[input]!),
      inpaintImageMasks: flat.map(({ input }) => masks[input]!),
      inpaintResampleTimes: resampleTimes,
      describe: (_, decoder) => ({ ...withPrior(prior, decoder), resampleTimes }),
    });
    const result = new Map(texts.map((_, input): [number, GeneratedImage[]] => [input, []]));
    for (const [i, { input }] of flat.entries()) result.get(input)!.push(...generated.get(i)!);
    return result;
  }

  #warnOfUniform(masks: readonly Mask[]): void {
    for (const [i, mask] of masks.entries()) {
      const said = describeUniform(mask);
      if (said !== undefined) this.warn(`Mask ${i + 1} ${said}.`);
    }
  }
}
