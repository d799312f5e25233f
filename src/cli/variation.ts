import { basename, parse } from "node:path";
import type { Command } from "commander";
import { ImageVariation } from "../pipeline/scripts/image-variation.js";
import type { DalleModelManager } from "../pipeline/manager/model-manager.js";
import type { ScriptOptions } from "../pipeline/script-options.js";
import { generateImages } from "./generating/command.js";
import { addGenerationOptions, addNegativeOption, decoderOptions } from "./generating/options.js";
import { planSamples, type GenerationPlan } from "./generating/plan.js";
import { decoderTakesText, gatherImages, withFiles, type ImageFlags } from "./asking/gather-images.js";
import { loadForClip } from "./asking/image-files.js";
import { interruptSignal } from "./interrupt.js";
import { collectTexts } from "./option-values.js";

const EXAMPLES = `
Examples:
  $ dalle2 variation cat.jpg --samples 4
  $ dalle2 variation cat.png dog.png --text "a cat" --text "a dog"
  $ dalle2 variation photos/ --seed 1 --json

A decoder that was trained with text takes one for each image. Where none is given, the text is the prompt that dalle2 has
recorded in the file; without a record, it is the file's name: red_circle.png stands for "Red circle". Without files it asks; a pipe answers line by line: files, each with its text
where the decoder takes one, an empty line, images of each.`;

export function register(program: Command): void {
  const command = program
    .command("variation")
    .description("generate variations of images")
    .argument("[files...]", "PNG, JPEG or WebP images, or folders of them", collectTexts)
    .option("-i, --image <file>", "the same as an argument; may be given several times", collectTexts)
    .option("--text <text>", "what an image shows: one for each, or one for all", collectTexts);
  addGenerationOptions(addNegativeOption(command))
    .addHelpText("after", EXAMPLES)
    .action((files: readonly string[], _, self: Command) => variation(self.optsWithGlobals<ImageFlags>(), files));
}

async function variation(given: ImageFlags, files: readonly string[]): Promise<void> {
  const signal = interruptSignal();
  const flags = withFiles(given, files);
  await generateImages(flags, signal, (manager, scripts) => planVariation(manager, scripts, flags, signal));
}

async function planVariation(
  manager: DalleModelManager,
  scripts: ScriptOptions,
  flags: ImageFlags,
  signal: AbortSignal,
): Promise<GenerationPlan> {
  const { files, texts, samples } = await gatherImages(flags, decoderTakesText(manager), signal);
  const images = await loadForClip(files, manager);
  const subjects = files.map((file, i) => ({
    name: parse(file).name,
    inputs: { image: basename(file), ...(texts && { prompt: texts[i]! }) },
  }));
  return {
    images: planSamples(subjects, samples, flags),
    draw: (call) =>
      new ImageVariation(manager, scripts).run(images, {
        ...call,
        ...decoderOptions(flags),
        text: texts,
        negativeText: flags.negativePrompt,
        sampleCount: samples,
      }),
  };
}
