import { existsSync } from "node:fs";
import type { Command } from "commander";
import { isImageFile } from "../image/image-files.js";
import type { DalleModelManager } from "../pipeline/manager/model-manager.js";
import type { ScriptOptions } from "../pipeline/script-options.js";
import { BasicInference } from "../pipeline/scripts/basic-inference.js";
import { askSamples, openAsker } from "./asking/asking.js";
import { generateImages } from "./generating/command.js";
import {
  addGenerationOptions,
  addNegativeOption,
  addPriorOptions,
  samplingOptions,
  type GenerationFlags,
  type NegativeFlags,
  type PriorFlags,
} from "./generating/options.js";
import { planSamples, type GenerationPlan } from "./generating/plan.js";
import { interruptSignal } from "./interrupt.js";
import { say } from "./output.js";
import { UsageError } from "./errors.js";
import { collectTexts, wholeNumber } from "./option-values.js";
import { askPrompts, isPromptsFile, readPrompts } from "./asking/prompts.js";
import { recordToRepeat, repeated } from "./generating/repeat.js";

interface DreamFlags extends GenerationFlags, PriorFlags, NegativeFlags {
  readonly prompt?: readonly string[];
  readonly promptsFile?: string;
  readonly from?: string;
  readonly priorSamples?: number;
  readonly decoderSamples?: number;
}

const EXAMPLES = `
Examples:
  $ dalle2 dream "a red circle"
  $ dalle2 dream "a red circle" "a blue square" --samples 4 --seed 1 --grid
  $ dalle2 dream --prompts-file prompts.txt --output-path out --json
  $ dalle2 dream "a blue square" --cond-scale 3,1 --steps 24,12 --prior-steps 16
  $ dalle2 dream --from output/a-red-circle-1.png
  $ printf 'a red circle\\na blue square\\n\\n2\\n' | dalle2 dream

Without a prompt, --prompts-file or --from it asks; a pipe answers line by line: prompts, an empty line, images of each.

The prior samples image embeddings of a prompt, and the decoder generates images of each embedding. --samples 4 is four
embeddings with an image of each; --prior-samples 2 --decoder-samples 3 is two embeddings with three images of each.
--from repeats an image on the same adapter, dtype and models to ±1 in 255, and warns where they differ; other options
override what it recorded.`;

export function register(program: Command): void {
  const command = program
    .command("dream")
    .description("generate images of prompts")
    .argument("[prompts...]", "what the images show", collectTexts)
    .option("-p, --prompt <text>", "the same as an argument; may be given several times", collectTexts)
    .option("--prompts-file <file>", "prompts from a file: one per line, or a JSON array")
    .option("--from <image>", "generate an image again as its file says");
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
  }
  if (args.length > 1 && !args.some((arg) => /\s/.test(arg))) {
    say(`These are ${args.length} prompts of one word each. Put quotes around a prompt of several words.`);
  }
  return { ...flags, prompt: [...(flags.prompt ?? []), ...args] };
}

async function dream(given: DreamFlags): Promise<void> {
  const signal = interruptSignal();
  const repeats = given.from === undefined ? undefined : repeated(await recordToRepeat(given.from), given.modelConfig);
  // A type that is asked for holds for all components.
  const ofAll = given.dtype === undefined ? {} : { computeInF32: [] };
  const flags = repeats ? { ...repeats.flags, ...ofAll, ...given } : given;
  const sampling = { ...repeats?.settings, ...samplingOptions(given) };
  const { prompts, priorSampleCount, decoderSampleCount } = await gatherPrompts(flags, signal);
  const subjects = prompts.map((prompt) => ({ name: prompt, inputs: { prompt } }));
  const images = planSamples(subjects, priorSampleCount * decoderSampleCount, flags);
  const { priorSeed } = repeats ?? {};
  // Of another seed, or of several images, the record does not know the embeddings.
  const isSame = priorSeed !== undefined && given.seed === undefined && images.length === 1;
  const plan = (manager: DalleModelManager, scripts: ScriptOptions): GenerationPlan => ({
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
      }),
  });
  await generateImages(flags, signal, plan, sampling);
}

/** Prompts, and how many embeddings and images there are to be. */
interface Gathered {
  readonly prompts: readonly string[];
  readonly priorSampleCount: number;
  readonly decoderSampleCount: number;
}

async function gatherPrompts(flags: DreamFlags, signal: AbortSignal): Promise<Gathered> {
  const { prompt = [], promptsFile, samples, priorSamples, decoderSamples } = flags;
  if (samples !== undefined && (priorSamples ?? decoderSamples) !== undefined) {
    throw new UsageError(
      "--samples is the number of image embeddings with one image of each. Give it, or --prior-samples and --decoder-samples.",
    );
  }
  const counts = { priorSampleCount: samples ?? priorSamples ?? 1, decoderSampleCount: decoderSamples ?? 1 };
  const prompts = [...prompt, ...(promptsFile === undefined ? [] : await readPrompts(promptsFile))];
  if (prompts.length > 0) return { prompts, ...counts };
  using asker = openAsker({ options: "a prompt, --prompts-file or --from", signal });
  const asked = await askPrompts(asker);
  if ((samples ?? priorSamples ?? decoderSamples) !== undefined) return { prompts: asked, ...counts };
  return { prompts: asked, ...counts, priorSampleCount: await askSamples(asker, "prompt") };
}
