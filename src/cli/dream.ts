import { existsSync } from "node:fs";
import type { Command } from "commander";
import { isImageFile } from "../image/image-files.js";
import { IMAGE_ENCODER } from "../models/component.js";
import type { DalleModelManager } from "../pipeline/manager/model-manager.js";
import { DEFAULT_STRENGTH, type ScriptOptions } from "../pipeline/script-options.js";
import { BasicInference } from "../pipeline/scripts/basic-inference.js";
import {
  checkInputs,
  fileInputs,
  gatherPrompts,
  initImagesFor,
  readInitImages,
  type PromptFlags,
} from "./asking/gather-prompts.js";
import { isPromptsFile } from "./asking/prompts.js";
import { UsageError } from "./errors.js";
import { generateImages } from "./generating/command.js";
import { checkEmbeddingLength } from "./generating/embeddings.js";
import {
  addHintOption,
  addSizeOption,
  checkCanvasFlags,
  loadHints,
  type HintFlags,
} from "./generating/canvas-options.js";
import {
  addGenerationOptions,
  addNegativeOption,
  addPriorOptions,
  samplingOptions,
  type NegativeFlags,
  type PriorFlags,
} from "./generating/options.js";
import { planSamples, type GenerationPlan } from "./generating/plan.js";
import { recordToRepeat, repeated } from "./generating/repeat.js";
import { addNoiseLevelOption } from "./generating/setting-options.js";
import { interruptSignal } from "./interrupt.js";
import { collectTexts, fraction, wholeNumber } from "./option-values.js";
import { say } from "./output.js";

interface DreamFlags extends PromptFlags, PriorFlags, NegativeFlags, HintFlags {
  readonly strength?: number;
}

const EXAMPLES = `
Examples:
  $ dalle2 dream "a red circle"
  $ dalle2 dream "a red circle" "a blue square" --samples 4 --seed 1 --grid
  $ dalle2 dream --prompts-file prompts.txt --output-path out --json
  $ dalle2 dream "a blue square" --cond-scale 3,1 --steps 24,12 --prior-steps 16
  $ dalle2 dream --from output/a-red-circle-1.png
  $ dalle2 dream "a blue circle" --init-image sketch.png --strength 0.6
  $ dalle2 dream "a lighthouse" --size 768x512 --model-config kandinsky/
  $ dalle2 dream "a blue room" --hint depth.png --model-config kandinsky-depth/
  $ dalle2 dream --embeddings shapes.safetensors
  $ printf 'a red circle\\na blue square\\n\\n2\\n' | dalle2 dream

Without a prompt, --prompts-file, --from or --embeddings, dream asks for prompts. Piped input answers line by line: the
prompts, an empty line, the number of images per prompt.

For each prompt the prior samples image embeddings, and the decoder generates images from each embedding. --samples 4 gives
four embeddings with one image each; --prior-samples 2 --decoder-samples 3 gives two embeddings with three images each.

--from repeats an image, to ±1 in 255 if adapter, dtype, weights and models are the same, and warns if they differ. Other options
override the recorded ones.

With --init-image, U-Net 1 starts from that image instead of pure noise. --strength is the share of the sampling steps that
it runs; the higher, the more the image changes. Later U-Nets enlarge the result. Images that are not square are cropped to the
square in their middle, unless the model has many sizes (Kandinsky): then the results have their proportions, or --size.

With --embeddings, image embeddings from a file (written by dalle2 embed --text) replace the prior. The prompts are the
texts in that file.`;

export function register(program: Command): void {
  const command = program
    .command("dream")
    .description("generate images from prompts")
    .argument("[prompts...]", "what the images should show", collectTexts)
    .option("-p, --prompt <text>", "same as an argument; can be repeated", collectTexts)
    .option("--prompts-file <file>", "read prompts from a file: one per line, or a JSON array")
    .option("--from <image>", "generate the image in this file again, from its record")
    .option("--embeddings <file>", "use image embeddings from a file instead of prompts and prior")
    .option(
      "--init-image <file>",
      "image to start from (PNG, JPEG, WebP): one for all prompts, or one per prompt",
      collectTexts,
    )
    .option(
      "--strength <fraction>",
      `how much --init-image may change, from 0 to 1 (default: ${DEFAULT_STRENGTH})`,
      fraction,
    );
  addHintOption(command, "prompt");
  addGenerationOptions(addPriorOptions(addNegativeOption(command))).optionsGroup("Sampling:");
  addNoiseLevelOption(addSizeOption(command))
    .option("--prior-samples <n>", "image embeddings per prompt (default: 1)", wholeNumber)
    .option("--decoder-samples <n>", "images per image embedding (default: 1)", wholeNumber)
    .addHelpText("after", EXAMPLES)
    .action((prompts: readonly string[], _, self: Command) =>
      dream(withPrompts(self.optsWithGlobals<DreamFlags>(), prompts)),
    );
}

/** Adds the prompts given as arguments to the flags. Throws `UsageError` if one is a file. */
function withPrompts(flags: DreamFlags, args: readonly string[]): DreamFlags {
  if (args.length === 0) return flags;
  for (const file of args.filter((arg) => existsSync(arg))) {
    if (isImageFile(file)) {
      throw new UsageError(`${file} is an image, not a prompt. To generate variations of it: dalle2 variation ${file}`);
    }
    if (isPromptsFile(file))
      throw new UsageError(`${file} is a file, not a prompt. To read prompts from it: --prompts-file ${file}`);
    if (file.endsWith(".safetensors"))
      throw new UsageError(`${file} is a file, not a prompt. To use the embeddings in it: --embeddings ${file}`);
  }
  if (args.length > 1 && !args.some((arg) => /\s/.test(arg))) {
    say(`Read as ${args.length} prompts of one word each. Put quotes around a prompt of several words.`);
  }
  return { ...flags, prompt: [...(flags.prompt ?? []), ...args] };
}

async function dream(given: DreamFlags): Promise<void> {
  const signal = interruptSignal();
  checkInputs(given);
  const repeats =
    given.from === undefined ? undefined : repeated(await recordToRepeat(given.from, given), given.modelConfig);
  // An explicit dtype applies to all components.
  const ofAll = given.dtype === undefined ? {} : { computeInF32: [] };
  const flags = repeats ? { ...repeats.flags, ...ofAll, ...given } : given;
  const sampling = { ...repeats?.settings, ...samplingOptions({ size: repeats?.size, ...given }) };
  const { prompts, imageEmbed, priorSampleCount, decoderSampleCount } = await gatherPrompts(flags, signal);
  const files = await readInitImages(flags, prompts.length);
  const hint = await loadHints(flags, prompts.length, "prompt");
  const subjects = prompts.map((prompt, i) => ({ name: prompt, inputs: { prompt, ...fileInputs(flags, i) } }));
  const images = planSamples(subjects, priorSampleCount * decoderSampleCount, flags);
  const { priorSeed } = repeats ?? {};
  // With another seed, or several images, the recorded prior seed does not apply.
  const isSame = priorSeed !== undefined && given.seed === undefined && images.length === 1;
  const plan = (manager: DalleModelManager, scripts: ScriptOptions): GenerationPlan => {
    checkCanvasFlags(manager, sampling.size, { hint });
    const initImages = initImagesFor(manager, files);
    if (imageEmbed) checkEmbeddingLength(manager, imageEmbed, given.embeddings!);
    return {
      images,
      unused: imageEmbed ? undefined : [IMAGE_ENCODER],
      repeats: repeats?.generatedOn,
      generate: (call) =>
        new BasicInference(manager, scripts).run(prompts, {
          ...call,
          ...sampling,
          ...(isSame ? { priorSeeds: [priorSeed] } : {}),
          negativeText: flags.negativePrompt,
          priorSampleCount,
          decoderSampleCount,
          imageEmbed,
          hint,
          initImages,
          strength: given.strength,
        }),
    };
  };
  await generateImages(flags, signal, plan, sampling);
}
