import { basename, parse } from "node:path";
import type { Command } from "commander";
import { ImageVariation } from "../pipeline/scripts/image-variation.js";
import type { DalleModelManager } from "../pipeline/manager/model-manager.js";
import type { ScriptOptions } from "../pipeline/script-options.js";
import type { ImageEmbedded } from "../pipeline/records/embeddings-file.js";
import { UsageError } from "./errors.js";
import { generateImages } from "./generating/command.js";
import { checkEmbeddingLength, loadEmbeddings } from "./generating/embeddings.js";
import { addGenerationOptions, addNegativeOption, decoderOptions } from "./generating/options.js";
import { planSamples, type GenerationPlan } from "./generating/plan.js";
import { decoderTakesText, gatherImages, withFiles, type ImageFlags } from "./asking/gather-images.js";
import { loadForClip } from "./asking/image-files.js";
import { interruptSignal } from "./interrupt.js";
import { collectTexts } from "./option-values.js";

interface VariationFlags extends ImageFlags {
  readonly embeddings?: string;
}

const EXAMPLES = `
Examples:
  $ dalle2 variation --image cat.jpg --samples 4
  $ dalle2 variation --image cat.png --text "a cat" --image dog.png --text "a dog"
  $ dalle2 variation --image photos/ --seed 1 --json
  $ dalle2 variation --embeddings photos.safetensors

A decoder that was trained with text takes one for each image. Where none is given, the file's name is the text:
red_circle.png stands for "Red circle". Without --image it asks; a pipe answers line by line: files, each with its text
where the decoder takes one, an empty line, images of each. With --embeddings, CLIP's embeddings of images in that file
(dalle2 embed --image) take their place.`;

export function register(program: Command): void {
  const command = program
    .command("variation")
    .description("draw variations of images")
    .option("--image <file>", "PNG, JPEG or WebP, or a folder of them; may be given several times", collectTexts)
    .option("--embeddings <file>", "embeddings of images, in place of images and of CLIP")
    .option("--text <text>", "what an image shows: one for each, or one for all", collectTexts);
  addGenerationOptions(addNegativeOption(command))
    .addHelpText("after", EXAMPLES)
    .action((_, self: Command) => variation(self.optsWithGlobals<VariationFlags>()));
}

async function variation(given: VariationFlags): Promise<void> {
  const signal = interruptSignal();
  const { embeddings } = given;
  if (embeddings !== undefined && given.image) {
    throw new UsageError("Give one of --image and --embeddings, not both.");
  }
  const flags = withFiles(given);
  const stored = embeddings === undefined ? undefined : await loadEmbeddings(embeddings, "images", signal);
  await generateImages(flags, signal, (manager, scripts) => planVariation(manager, scripts, { flags, stored, signal }));
}

interface Given {
  readonly flags: VariationFlags;
  /** The content of `--embeddings`. */
  readonly stored: readonly ImageEmbedded[] | undefined;
  readonly signal: AbortSignal;
}

async function planVariation(
  manager: DalleModelManager,
  scripts: ScriptOptions,
  { flags, stored, signal }: Given,
): Promise<GenerationPlan> {
  // The names that the file has of its images stand for them.
  const named = stored ? { ...flags, image: stored.map(({ image }) => image) } : flags;
  const { files, texts, samples } = await gatherImages(named, decoderTakesText(manager), signal);
  const embedded = stored?.map(({ embedding }) => embedding);
  if (embedded) checkEmbeddingLength(manager, embedded, flags.embeddings!);
  const images = embedded ?? (await loadForClip(files, manager));
  const from = flags.embeddings === undefined ? {} : { embeddings: basename(flags.embeddings) };
  const subjects = files.map((file, i) => ({
    name: parse(file).name,
    inputs: { image: basename(file), ...from, ...(texts && { prompt: texts[i]! }) },
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
