import { basename, parse } from "node:path";
import type { Command } from "commander";
import { ImageVariation } from "../pipeline/image-variation.js";
import type { DalleModelManager } from "../pipeline/model-manager.js";
import { askSamples, openAsker } from "./asking.js";
import { askText, textsFor } from "./captions.js";
import { drawPictures } from "./drawing-command.js";
import { addDrawingOptions, decoderOptions, type DrawingFlags } from "./drawing-options.js";
import { planSamples, type DrawingPlan } from "./drawing-plan.js";
import { askImages, expandFolders, loadImage } from "./image-files.js";
import { interruptSignal } from "./interrupt.js";
import { collectTexts } from "./option-values.js";

interface VariationFlags extends DrawingFlags {
  readonly image?: readonly string[];
  readonly text?: readonly string[];
}

const EXAMPLES = `
Examples:
  $ dalle2 variation --image cat.jpg --samples 4
  $ dalle2 variation --image cat.png --text "a cat" --image dog.png --text "a dog"
  $ dalle2 variation --image photos/ --seed 1 --json

A decoder that was trained with text takes one for each image. Where none is given, the file's name is the text:
red_circle.png stands for "Red circle". Without --image it asks; a pipe answers line by line: files, each with its text
where the decoder takes one, an empty line, pictures of each.`;

export function register(program: Command): void {
  const command = program
    .command("variation")
    .description("draw variations of pictures")
    .option("--image <file>", "PNG, JPEG or WebP, or a folder of them; may be given several times", collectTexts)
    .option("--text <text>", "what an image shows: one for each, or one for all", collectTexts);
  addDrawingOptions(command)
    .addHelpText("after", EXAMPLES)
    .action((_, self: Command) => variation(self.optsWithGlobals<VariationFlags>()));
}

async function variation(flags: VariationFlags): Promise<void> {
  const signal = interruptSignal();
  await drawPictures(flags, signal, (manager) => planVariation(manager, flags, signal));
}

async function planVariation(
  { decoder }: DalleModelManager,
  flags: VariationFlags,
  signal: AbortSignal,
): Promise<DrawingPlan> {
  const takesText = decoder?.model.stages.some(({ stage }) => stage.unet.condOnTextEncodings) ?? false;
  const { files, texts, samples } = await gather(flags, takesText, signal);
  const images = await Promise.all(files.map(loadImage));
  const subjects = files.map((file, i) => {
    const image = basename(file);
    return { name: parse(file).name, inputs: takesText ? { image, prompt: texts[i]! } : { image } };
  });
  return {
    pictures: planSamples(subjects, samples, flags.seed),
    draw: (manager, call) =>
      new ImageVariation(manager, { onWarning: console.error }).run(images, {
        ...call,
        ...decoderOptions(flags),
        text: takesText ? texts : undefined,
        sampleCount: samples,
      }),
  };
}

interface Gathered {
  readonly files: readonly string[];
  /** One for each file, where the decoder takes text. */
  readonly texts: readonly string[];
  readonly samples: number;
}

async function gather(flags: VariationFlags, takesText: boolean, signal: AbortSignal): Promise<Gathered> {
  const { image = [], text = [], samples } = flags;
  if (text.length > 0 && !takesText)
    console.error("Warning: this decoder was trained without text; --text is ignored.");
  if (image.length > 0) {
    const files = expandFolders(image);
    return { files, texts: textsFor(files, text), samples: samples ?? 1 };
  }
  using asker = openAsker({ options: "--image", signal });
  const texts: string[] = [];
  const files = await askImages(asker, async (file) => {
    if (takesText) texts.push(await askText(asker, file));
  });
  return { files, texts, samples: samples ?? (await askSamples(asker, "image")) };
}
