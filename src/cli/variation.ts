import { basename, parse } from "node:path";
import type { Command } from "commander";
import { promptFromFileName } from "../image/image-files.js";
import { ImageVariation } from "../pipeline/scripts/image-variation.js";
import type { DalleModelManager } from "../pipeline/manager/model-manager.js";
import type { ScriptOptions } from "../pipeline/script-options.js";
import type { ImageEmbedded } from "../pipeline/records/embeddings-file.js";
import { UsageError } from "./errors.js";
import {
  addHintOption,
  addSizeOption,
  checkCanvasFlags,
  hintInput,
  loadHints,
  type HintFlags,
} from "./generating/canvas-options.js";
import { generateImages } from "./generating/command.js";
import { checkEmbeddingLength, loadEmbeddings } from "./generating/embeddings.js";
import { addGenerationOptions, addNegativeOption, decoderOptions } from "./generating/options.js";
import { planSamples, type GenerationPlan } from "./generating/plan.js";
import { checkSeeds } from "./generating/seeds.js";
import { addNoiseLevelOption } from "./generating/setting-options.js";
import { captionOf } from "./asking/captions.js";
import { gatherImages, textUse, withFiles, type ImageFlags } from "./asking/gather-images.js";
import { loadForClip } from "./asking/image-files.js";
import { interruptSignal } from "./interrupt.js";
import { collectTexts } from "./option-values.js";

interface VariationFlags extends ImageFlags, HintFlags {
  readonly embeddings?: string;
}

const EXAMPLES = `
Examples:
  $ dalle2 variation cat.jpg --samples 4
  $ dalle2 variation cat.png dog.png --text "a cat" --text "a dog"
  $ dalle2 variation photos/ --seed 1 --json
  $ dalle2 variation cat.jpg --size 768x512 --model-config kandinsky/
  $ dalle2 variation --embeddings photos.safetensors

A decoder that was trained with text takes one text per image. Without --text, the text is the prompt in the record that
dalle2 wrote to the file or, without a record, the file's name: red_circle.png becomes "Red circle". Karlo's decoder needs
no text.

Without files, variation asks for them. Piped input answers line by line: the files (each followed by its text, if the
decoder takes text), an empty line, the number of images per file.

With --embeddings, image embeddings from a file (written by dalle2 embed --image) replace the images. The default texts come
from the image names in that file.`;

export function register(program: Command): void {
  const command = program
    .command("variation")
    .description("generate variations of images")
    .argument("[files...]", "PNG, JPEG or WebP images, or folders of them", collectTexts)
    .option("-i, --image <file>", "same as an argument; can be repeated", collectTexts)
    .option("--embeddings <file>", "use image embeddings from a file instead of images and CLIP")
    .option("--text <text>", "what the image shows: one for all images, or one per image", collectTexts);
  addHintOption(command, "image");
  addGenerationOptions(addNegativeOption(command)).optionsGroup("Sampling:");
  addNoiseLevelOption(addSizeOption(command))
    .addHelpText("after", EXAMPLES)
    .action((files: readonly string[], _, self: Command) => variation(self.optsWithGlobals<VariationFlags>(), files));
}

async function variation(given: VariationFlags, files: readonly string[]): Promise<void> {
  const signal = interruptSignal();
  const { embeddings } = given;
  if (embeddings !== undefined && (given.image || files.length > 0)) {
    throw new UsageError("--embeddings replaces the images: give one of the two, not both.");
  }
  const flags = withFiles(given, files);
  const stored = embeddings === undefined ? undefined : await loadEmbeddings(embeddings, "images", signal);
  if (stored) checkSeeds(flags, stored.length * (flags.samples ?? 1));
  await generateImages(flags, signal, (manager, scripts) => planVariation(manager, scripts, { flags, stored, signal }));
}

interface PlanInputs {
  readonly flags: VariationFlags;
  /** The content of `--embeddings`. */
  readonly stored: readonly ImageEmbedded[] | undefined;
  readonly signal: AbortSignal;
}

async function planVariation(
  manager: DalleModelManager,
  scripts: ScriptOptions,
  { flags, stored, signal }: PlanInputs,
): Promise<GenerationPlan> {
  // The names in the embeddings file are used for texts and file names; the images themselves are not needed.
  const named = stored ? { ...flags, image: stored.map(({ image }) => image) } : flags;
  const suggest = stored ? promptFromFileName : captionOf;
  const { files, texts, samples } = await gatherImages(named, textUse(manager), signal, suggest);
  const hint = await loadHints(flags, files.length, "image");
  checkCanvasFlags(manager, flags.size, { hint });
  const embedded = stored?.map(({ embedding }) => embedding);
  if (embedded) checkEmbeddingLength(manager, embedded, flags.embeddings!);
  const images = embedded ?? (await loadForClip(files, manager));
  const from = flags.embeddings === undefined ? {} : { embeddings: basename(flags.embeddings) };
  const subjects = files.map((file, i) => ({
    name: parse(file).name,
    inputs: { image: basename(file), ...from, ...(texts && { prompt: texts[i]! }), ...hintInput(flags, i) },
  }));
  return {
    images: planSamples(subjects, samples, flags),
    generate: (call) =>
      new ImageVariation(manager, scripts).run(images, {
        ...call,
        ...decoderOptions(flags),
        text: texts,
        hint,
        negativeText: flags.negativePrompt,
        sampleCount: samples,
      }),
  };
}
