import { anything, filledList, text as textRule } from "../../platform/arguments.js";
import type { RgbImage } from "../../image/image.js";
import { hintsOf } from "../canvas.js";
import { InferenceScript } from "../inference-script.js";
import { difference, lengthOf, slerp } from "./interpolation.js";
import type { GeneratedImage } from "../generated-image.js";
import { generatorsOfInputs, withGenerator } from "../randomness.js";
import type { GenerateOptions } from "../script-options.js";
import { checkOptions } from "../settings.js";

/**
 * Options of `TextGuidedEdit.run`. With one `seed`, all frames of all images share their noise. With `seeds`, one for each
 * image, the frames of each image share theirs.
 */
export interface TextGuidedEditOptions extends Omit<GenerateOptions, "generator" | "sampleCount"> {
  /** Text that says what the images show. */
  readonly from: string;
  /** Text that says what they should show instead. */
  readonly to: string;
  /** How far the embedding turns towards the difference of the texts, 0 to 1. The paper uses 0.25 to 0.5. Default 0.4. */
  readonly strength?: number | undefined;
  /** Results for each image. One has `strength`; several go from strength 0 to `strength` in equal steps. Default 1. */
  readonly frames?: number | undefined;
}

/**
 * Edits images by text (Ramesh et al. 2022, section 3.3, "text diffs"). The image embedding of an image is turned towards the
 * normalised difference of two text embeddings, and the decoder generates an image of it. The paper also finds the noise that
 * reproduces the image (DDIM inversion), so that the rest of it stays. This script does not: at strength 0 it generates a
 * variation of the image.
 *
 * @example
 * using script = await TextGuidedEdit.create();
 * const images = await script.run([await loadImage("photo.png")], { from: "a red circle", to: "a blue circle" });
 */
export class TextGuidedEdit extends InferenceScript {
  protected override readonly scriptName: string = "TextGuidedEdit";

  /** Edits images. Returns the results by index of the image, in the order of their strength. */
  async run(images: readonly RgbImage[], options: TextGuidedEditOptions): Promise<Map<number, GeneratedImage[]>> {
    checkOptions(options);
    const { from, to, strength = 0.4, frames = 1, ...generateOptions } = options;
    for (const [name, text] of Object.entries({ from, to })) textRule(name, text);
    filledList(anything)("images", images);
    const hints = hintsOf(options, images.length);
    const generators = generatorsOfInputs(options, images.length);
    const positions = Array.from({ length: frames }, (_, i) => (frames === 1 ? 1 : i / (frames - 1)));
    const inputs = images.flatMap((_, image) => positions.map((position) => ({ image, position })));
    this.checkDecoderSettings(generateOptions);
    const imageEmbeds = await this.embedImages(images, options.signal);
    const [before, after] = await this.embedText([from, to], options.signal);
    const textInputs = this.takesText
      ? await this.textsBetween(
          [from, to],
          inputs.map(({ position }) => position),
          options.signal,
        )
      : {};
    const edited = await this.sampleDecoder({
      ...withGenerator<GenerateOptions>(
        generateOptions,
        inputs.map(({ image }) => generators[image]!.fork()),
      ),
      imageEmbed: inputs.map(({ image, position }) => {
        const start = imageEmbeds[image]!;
        return slerp(start, difference(before!, after!, lengthOf(start)), strength * position);
      }),
      ...textInputs,
      hint: hints && inputs.map(({ image }) => hints[image]!),
      describe: (input, own) => ({ from, to, strength: strength * inputs[input]!.position, ...own }),
    });
    const result = new Map(images.map((_, image): [number, GeneratedImage[]] => [image, []]));
    for (const [input, { image }] of inputs.entries()) result.get(image)!.push(...edited.get(input)!);
    return result;
  }
}
