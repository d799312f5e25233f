import { basename, parse } from "node:path";
import type { Command } from "commander";
import { resizeLanczos } from "../image/pillow-resize.js";
import type { RgbImage } from "../image/image.js";
import type { DalleModelManager } from "../pipeline/manager/model-manager.js";
import { Upscale } from "../pipeline/scripts/upscale.js";
import type { ScriptOptions } from "../pipeline/script-options.js";
import { generateImages } from "./generating/command.js";
import { addGenerationOptions, addNegativeOption, decoderOptions } from "./generating/options.js";
import { planSamples, type GenerationPlan } from "./generating/plan.js";
import { counted } from "../platform/counted.js";
import { UsageError } from "./errors.js";
import { gatherImages, textUse, withFiles, type ImageFlags } from "./asking/gather-images.js";
import { loadSquare } from "./asking/image-files.js";
import { interruptSignal } from "./interrupt.js";
import { say } from "./output.js";
import { collectTexts, wholeNumber } from "./option-values.js";

interface UpscaleFlags extends ImageFlags {
  readonly startAtUnet: number;
}

const EXAMPLES = `
Examples:
  $ dalle2 upscale small.png
  $ dalle2 upscale small/ --start-at-unet 3 --model-config configs/laion/upsampler.json

Images are cropped to squares and resized to the input size of the first U-Net that runs. Without files, upscale asks for
them. Piped input answers line by line: the files (each followed by its text, if those U-Nets take text), an empty line,
the number of images per file.`;

export function register(program: Command): void {
  const command = program
    .command("upscale")
    .description("enlarge images with the later U-Nets of a decoder")
    .argument("[files...]", "PNG, JPEG or WebP images, or folders of them", collectTexts)
    .option("-i, --image <file>", "same as an argument; can be repeated", collectTexts)
    .option("--text <text>", "what the image shows: one for all images, or one per image", collectTexts)
    .option("--start-at-unet <n>", "number of the first U-Net to run, from 2", wholeNumber, 2);
  addGenerationOptions(addNegativeOption(command))
    .addHelpText("after", EXAMPLES)
    .action((files: readonly string[], _, self: Command) => upscale(self.optsWithGlobals<UpscaleFlags>(), files));
}

async function upscale(given: UpscaleFlags, files: readonly string[]): Promise<void> {
  const signal = interruptSignal();
  const flags = withFiles(given, files);
  await generateImages(flags, signal, (manager, scripts) => planUpscale(manager, scripts, flags, signal));
}

async function planUpscale(
  manager: DalleModelManager,
  scripts: ScriptOptions,
  flags: UpscaleFlags,
  signal: AbortSignal,
): Promise<GenerationPlan> {
  const { startAtUnet } = flags;
  const size = startSize(manager, startAtUnet);
  const { files, texts, samples } = await gatherImages(flags, textUse(manager, startAtUnet), signal);
  const images: RgbImage[] = [];
  for (const file of files) images.push(await loadAtSize(file, size));
  const subjects = files.map((file, i) => ({
    name: parse(file).name,
    inputs: { image: basename(file), ...(texts && { prompt: texts[i]! }) },
  }));
  return {
    images: planSamples(subjects, samples, flags),
    generate: (call) =>
      new Upscale(manager, scripts).run(images, {
        ...call,
        ...decoderOptions(flags),
        text: texts,
        negativeText: flags.negativePrompt,
        sampleCount: samples,
        startAtUnetNumber: startAtUnet,
      }),
  };
}

/** Side, in pixels, of the input images of a U-Net. Throws `UsageError` if it does not enlarge images. */
function startSize({ decoder }: DalleModelManager, startAt: number): number {
  const unets = decoder?.unets ?? [];
  const before = unets[startAt - 2];
  if (before && startAt <= unets.length) return before.imageSize;
  throw new UsageError(
    `--start-at-unet ${startAt}: must be a U-Net that enlarges images, from 2 on; this decoder has ${counted(unets.length, "U-Net")}.`,
  );
}

/** Loads the square in the middle of an image, resized to `size` if it is larger. Throws `UsageError` if it is smaller. */
async function loadAtSize(file: string, size: number): Promise<RgbImage> {
  const image = await loadSquare(file, say);
  if (image.width < size) {
    throw new UsageError(`${file} is ${counted(image.width, "pixel")} wide; at least ${size} are needed.`);
  }
  if (image.width === size) return image;
  say(`${basename(file)} is first resized to ${size} × ${size} pixels, then enlarged.`);
  return resizeLanczos(image, size, size);
}
