import { existsSync } from "node:fs";
import type { Command } from "commander";
import { isImageFile } from "../image/image-files.js";
import type { DalleModelManager } from "../pipeline/manager/model-manager.js";
import { DEFAULT_STRENGTH, type ScriptOptions } from "../pipeline/script-options.js";
import { BasicInference } from "../pipeline/scripts/basic-inference.js";
import { checkInputs, fileInputs, gatherPrompts, loadInitImages, type PromptFlags } from "./asking/gather-prompts.js";
import { isPromptsFile } from "./asking/prompts.js";
import { UsageError } from "./errors.js";
import { generateImages } from "./generating/command.js";
import { checkEmbeddingLength } from "./generating/embeddings.js";
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
import { interruptSignal } from "./interrupt.js";
import { collectTexts, fraction, wholeNumber } from "./option-values.js";
import { say } from "./output.js";

interface DreamFlags extends PromptFlags, PriorFlags, NegativeFlags {
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
  $ dalle2 dream --embeddings shapes.safetensors
  $ printf 'a red circle\\na blue square\\n\\n2\\n' | dalle2 dream

Without a prompt, --prompts-file, --from or --embeddings it asks; a pipe answers line by line: prompts, an empty line, images
of each.

The prior samples image embeddings of a prompt, and the decoder generates images of each embedding. --samples 4 is four
embeddings with an image of each; --prior-samples 2 --decoder-samples 3 is two embeddings with three images of each.
--from repeats an image on the same adapter, dtype and models to ±1 in 255, and warns where they differ; other options
override what it recorded.

With --init-image the first U-Net starts from that image, made noisier the higher --strength is, and runs that share of
its steps; later U-Nets enlarge what comes out. With --embeddings the file's image embeddings of texts (dalle2 embed --text)
take the place of the prior's, and those texts are the prompts.`;

export function register(program: Command): void {
  const command = program
    .command("dream")
    .description("generate images of prompts")
    .argument("[prompts...]", "what the images show", collectTexts)
    .option("-p, --prompt <text>", "the same as an argument; may be given several times", collectTexts)
    .option("--prompts-file <file>", "prompts from a file: one per line, or a JSON array")
    .option("--from <image>", "generate an image again as its file says")
    .option("--embeddings <file>", "image embeddings of texts, in place of prompts and of the prior")
    .option("--init-image <file>", "PNG, JPEG or WebP to start from: one for each prompt, or one for all", collectTexts)
    .option(
      "--strength <fraction>",
      `how much of --init-image may change, 0 to 1 (default: ${DEFAULT_STRENGTH})`,
      fraction,
    );
  addGenerationOptions(addPriorOptions(addNegativeOption(command)))
    .optionsGroup("Sampling:")
    .option("--prior-samples <n>", "image embeddings of each prompt (default: 1)", wholeNumber)
    .option("--decoder-samples <n>", "images of each image embedding (default: 1)", wholeNumber)
    .addHelpText("after", EXAMPLES)
    .action((prompts: readonly string[], _, self: Command) =>
      dream(withPrompts(self.optsWithGlobals<DreamFlags>(), prompts)),
    );
}

/** The flags with the prompts that stand alone. Throws `UsageError` where one is a file. */
function withPrompts(flags: DreamFlags, args: readonly string[]): DreamFlags {
  if (args.length === 0) return flags;
  for (const file of args.filter((arg) => existsSync(arg))) {
    if (isImageFile(file)) {
      throw new UsageError(`${file} is an image and no prompt: dalle2 variation ${file} generates variations of it.`);
    }
    if (isPromptsFile(file))
      throw new UsageError(`${file} is a file and no prompt: give it as --prompts-file ${file}.`);
    if (file.endsWith(".safetensors"))
      throw new UsageError(`${file} is a file and no prompt: give embeddings as --embeddings ${file}.`);
  }
  if (args.length > 1 && !args.some((arg) => /\s/.test(arg))) {
    say(`These are ${args.length} prompts of one word each. Put quotes around a prompt of several words.`);
  }
  return { ...flags, prompt: [...(flags.prompt ?? []), ...args] };
}

async function dream(given: DreamFlags): Promise<void> {
  const signal = interruptSignal();
  checkInputs(given);
  const repeats = given.from === undefined ? undefined : repeated(await recordToRepeat(given.from), given.modelConfig);
  // A dtype that is asked for is meant for all components.
  const ofAll = given.dtype === undefined ? {} : { computeInF32: [] };
  const flags = repeats ? { ...repeats.flags, ...ofAll, ...given } : given;
  const sampling = { ...repeats?.settings, ...samplingOptions(given) };
  const { prompts, imageEmbed, priorSampleCount, decoderSampleCount } = await gatherPrompts(flags, signal);
  const initImages = await loadInitImages(flags, prompts.length);
  const subjects = prompts.map((prompt, i) => ({ name: prompt, inputs: { prompt, ...fileInputs(flags, i) } }));
  const images = planSamples(subjects, priorSampleCount * decoderSampleCount, flags);
  const { priorSeed } = repeats ?? {};
  // Of another seed, or of several images, the record does not know the embeddings.
  const isSame = priorSeed !== undefined && given.seed === undefined && images.length === 1;
  const plan = (manager: DalleModelManager, scripts: ScriptOptions): GenerationPlan => {
    if (imageEmbed) checkEmbeddingLength(manager, imageEmbed, given.embeddings!);
    return {
      images,
      repeats: repeats?.generatedOn,
      draw: (call) =>
        new BasicInference(manager, scripts).run(prompts, {
          ...call,
          ...sampling,
          ...(isSame ? { priorSeeds: [priorSeed] } : {}),
          negativeText: flags.negativePrompt,
          priorSampleCount,
          decoderSampleCount,
          imageEmbed,
          initImages,
          strength: given.strength,
        }),
    };
  };
  await generateImages(flags, signal, plan, sampling);
}
