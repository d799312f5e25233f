import { basename, parse } from "node:path";
import { Option, type Command } from "commander";
import { MASK_CHANNELS, type MaskChannel } from "../image/mask.js";
import { checkDecoderSettings } from "../pipeline/decoder-call.js";
import { BasicInpainting } from "../pipeline/scripts/basic-inpainting.js";
import { askSamples, openAsker, type Asker } from "./asking/asking.js";
import { askText, textsFor } from "./asking/captions.js";
import { addSizeOption, keepsProportions } from "./generating/canvas-options.js";
import { generateImages } from "./generating/command.js";
import {
  addGenerationOptions,
  addNegativeOption,
  addPriorOptions,
  decoderOptions,
  samplingOptions,
  type GenerationFlags,
  type NegativeFlags,
  type PriorFlags,
} from "./generating/options.js";
import { planSamples } from "./generating/plan.js";
import { checkSeeds } from "./generating/seeds.js";
import { addNoiseLevelOption } from "./generating/setting-options.js";
import { counted } from "../platform/counted.js";
import { UsageError } from "./errors.js";
import { imageProblem, loadMasked, squareMasked, wholeMasked, type MaskedFiles } from "./asking/image-files.js";
import { interruptSignal } from "./interrupt.js";
import { say } from "./output.js";
import { collectTexts, wholeNumber } from "./option-values.js";

interface InpaintFlags extends GenerationFlags, PriorFlags, NegativeFlags {
  readonly image?: readonly string[];
  readonly mask?: readonly string[];
  readonly text?: readonly string[];
  readonly maskChannel: MaskChannel;
  readonly invertMask?: true;
  readonly resampleTimes?: number;
}

const EXAMPLES = `
Examples:
  $ dalle2 inpaint room.png --mask mask.png --text "a room with a red sofa"
  $ dalle2 inpaint room.png --mask hole.png --invert-mask --text "a window" --samples 4
  $ dalle2 inpaint room.png --mask erased.png --mask-channel alpha --text "a window"

A mask is an image of the same size. Pixels with red above 128 (white, for example) are kept; the rest is generated.
With --mask-channel alpha, opaque pixels are kept and transparent ones are generated, as in masks for OpenAI's image edits.
With --mask-channel luma, bright pixels of any colour are kept. --invert-mask swaps kept and generated in each case.

Images that are not square are cropped, and all are resized to the smallest. Models of many sizes (Kandinsky) take them as they
are; the results have their proportions, or --size. Without --text, the text is the prompt in the
record that dalle2 wrote to the file or, without a record, the file's name: red_circle.png becomes "Red circle".

Without files, inpaint asks for them. Piped input answers line by line: file, mask and text for each, an empty line, the
number of samples per image.`;

export function register(program: Command): void {
  const command = program
    .command("inpaint")
    .description("generate the parts of images that a mask does not keep")
    .argument("[files...]", "PNG, JPEG or WebP images", collectTexts)
    .option("-i, --image <file>", "same as an argument; can be repeated", collectTexts)
    .option("--mask <file>", "mask of the parts to keep: one for all images, or one per image", collectTexts)
    .addOption(
      new Option("--mask-channel <which>", "which channel of the mask to read; alpha: as in OpenAI's image edits")
        .choices(MASK_CHANNELS)
        .default("red"),
    )
    .option("--invert-mask", "generate what the mask marks to keep, and keep the rest")
    .option("--text <text>", "what the image should show: one for all images, or one per image", collectTexts)
    .option("--resample-times <n>", "how many times each sampling step is run (default: 5)", wholeNumber);
  addGenerationOptions(addPriorOptions(addNegativeOption(command))).optionsGroup("Sampling:");
  addNoiseLevelOption(addSizeOption(command))
    .addHelpText("after", EXAMPLES)
    .action((files: readonly string[], _, self: Command) => {
      const flags = self.optsWithGlobals<InpaintFlags>();
      return inpaint({ ...flags, image: [...(flags.image ?? []), ...files] });
    });
}

async function inpaint(flags: InpaintFlags): Promise<void> {
  const signal = interruptSignal();
  const { files, texts, samples } = await gather(flags, signal);
  checkSeeds(flags, files.length * samples);
  const reading = { channel: flags.maskChannel, invert: flags.invertMask ?? false, say };
  const pairs = await loadMasked(files, reading);
  const subjects = files.map(({ image, mask }, i) => ({
    name: parse(image).name,
    inputs: { image: basename(image), mask: basename(mask), prompt: texts[i]! },
  }));
  await generateImages(flags, signal, (manager, scripts) => {
    checkDecoderSettings(manager, decoderOptions(flags), true);
    const inputs = keepsProportions(manager) ? wholeMasked(pairs, reading) : squareMasked(pairs, files, reading);
    const images = inputs.map(({ image }) => image);
    const masks = inputs.map(({ mask }) => mask);
    return {
      images: planSamples(subjects, samples, flags),
      generate: (call) =>
        new BasicInpainting(manager, scripts).run(images, masks, texts, {
          ...call,
          ...samplingOptions(flags),
          negativeText: flags.negativePrompt,
          sampleCount: samples,
          resampleTimes: flags.resampleTimes,
        }),
    };
  });
}

interface Gathered {
  readonly files: readonly MaskedFiles[];
  /** One for each file. */
  readonly texts: readonly string[];
  readonly samples: number;
}

async function gather(flags: InpaintFlags, signal: AbortSignal): Promise<Gathered> {
  const { image: images = [], mask: masks = [], text = [], samples } = flags;
  if (images.length > 0) {
    if (masks.length === 0) throw new UsageError("Give --mask: an image that marks which parts to keep.");
    if (masks.length !== 1 && masks.length !== images.length) {
      throw new UsageError(
        `--mask must be given once, or once for each of ${counted(images.length, "image")}; it was given ${counted(masks.length, "time")}.`,
      );
    }
    const files = images.map((image, i) => ({ image, mask: masks[masks.length === 1 ? 0 : i]! }));
    return { files, texts: await textsFor(images, text), samples: samples ?? 1 };
  }
  if (masks.length > 0 || text.length > 0) throw new UsageError("--mask and --text need images: give their files too.");
  using asker = openAsker({ options: "the image files, --mask and --text", signal });
  const { files, texts } = await askMasked(asker);
  return { files, texts, samples: samples ?? (await askSamples(asker, "image")) };
}

async function askMasked(asker: Asker): Promise<Pick<Gathered, "files" | "texts">> {
  asker.say("Enter the paths of your images and masks, one at a time. Enter an empty image path to finish.");
  const files: MaskedFiles[] = [];
  const texts: string[] = [];
  for (;;) {
    const fallback = files.length > 0 ? "" : undefined;
    const image = await asker.ask({ message: `File ${files.length + 1}`, fallback, check: imageProblem });
    if (image === "") return { files, texts };
    const mask = await asker.ask({ message: `Mask for ${basename(image)}`, check: imageProblem });
    files.push({ image, mask });
    texts.push(await askText(asker, image));
  }
}
