import { anything, filledList, text as textRule } from "../../platform/arguments.js";
import type { RgbImage } from "../../image/image.js";
import { InferenceScript } from "../inference-script.js";
import { difference, lengthOf, lerp, slerp } from "./interpolation.js";
import type { GeneratedImage } from "../generated-image.js";
import { generatorsOfInputs, withGenerator } from "../randomness.js";
import type { GenerateOptions } from "../script-options.js";
import { checkOptions } from "../settings.js";

/**
 * How images are edited. With one `seed`, all frames of all of them share their noise; with `seeds`, one for each image,
 * its frames do.
 */
export interface TextGuidedEditOptions extends Omit<GenerateOptions, "generator" | "sampleCount"> {
  /** What the images show. */
  readonly from: string;
  /** What they should show instead. */
  readonly to: string;
  /** Share of the way from an image's embedding to the difference of the texts. The paper goes 0.25 to 0.5. Default 0.4. */
  readonly strength?: number | undefined;
  /** Images of each: one at `strength`; with more, on the way there from the variation that is not edited. Default 1. */
  readonly frames?: number | undefined;
}

/**
 * Changes what images show by words (Ramesh et al. 2022, section 3.3, "text diffs"): CLIP's embedding of an image turns
 * towards the normalised difference of two text embeddings, and the decoder draws it. The paper also finds the noise from
 * which the decoder would draw the image itself (DDIM inversion), so that the rest of it stays; that is not done here: at
 * strength 0 it is a variation of the image, not the image.
 *
 * @example
 * using script = await TextGuidedEdit.create();
 * const images = await script.run([await loadImage("photo.png")], { from: "a red circle", to: "a blue circle" });
 */
export class TextGuidedEdit extends InferenceScript {
  protected override readonly scriptName: string = "TextGuidedEdit";

  /** Edited images by index of the image, in the order of their strength. */
  async run(images: readonly RgbImage[], options: TextGuidedEditOptions): Promise<Map<number, GeneratedImage[]>> {
    checkOptions(options);
    const { from, to, strength = 0.4, frames = 1, ...drawing } = options;
    for (const [name, text] of Object.entries({ from, to })) textRule(name, text);
    filledList(anything)("images", images);
    const generators = generatorsOfInputs(options, images.length);
    const positions = Array.from({ length: frames }, (_, i) => (frames === 1 ? 1 : i / (frames - 1)));
    const inputs = images.flatMap((_, image) => positions.map((position) => ({ image, position })));
    this.checkDecoderSettings(drawing);
    const seen = await this.embedImages(images, options.signal);
    const [before, after] = await this.embedText([from, to], options.signal);
    const textEncoding = await this.#encodings(inputs, options);
    const edited = await this.sampleDecoder({
      ...withGenerator<GenerateOptions>(
        drawing,
        inputs.map(({ image }) => generators[image]!.fork()),
      ),
      imageEmbed: inputs.map(({ image, position }) => {
        const start = seen[image]!;
        return slerp(start, difference(before!, after!, lengthOf(start)), strength * position);
      }),
      textEncoding,
      describe: (input, own) => ({ from, to, strength: strength * inputs[input]!.position, ...own }),
    });
    const result = new Map(images.map((_, image): [number, GeneratedImage[]] => [image, []]));
    for (const [input, { image }] of inputs.entries()) result.get(image)!.push(...edited.get(input)!);
    return result;
  }

  /** Text encodings on the straight line from one text to the other, if the decoder takes any. */
  async #encodings(inputs: readonly { readonly position: number }[], { from, to, signal }: TextGuidedEditOptions) {
    if (!this.takesText) return undefined;
    const [first, last] = await this.encodeText([from, to], signal);
    return inputs.map(({ position }) => lerp(first!, last!, position));
  }
}
