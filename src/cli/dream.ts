import { basename } from "node:path";
import type { Command } from "commander";
import type { RgbImage } from "../image/image.js";
import type { Embedding } from "../pipeline/embedding.js";
import type { DalleModelManager } from "../pipeline/manager/model-manager.js";
import { DEFAULT_STRENGTH, type ScriptOptions } from "../pipeline/script-options.js";
import { BasicInference } from "../pipeline/scripts/basic-inference.js";
import { askSamples, openAsker } from "./asking/asking.js";
import { loadSquare } from "./asking/image-files.js";
import { UsageError } from "./errors.js";
import { generateImages } from "./generating/command.js";
import { checkEmbeddingLength, loadEmbeddings } from "./generating/embeddings.js";
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
import { collectTexts, fraction } from "./option-values.js";
import { say } from "./output.js";
import { askPrompts, readPrompts } from "./asking/prompts.js";
import { recordToRepeat, repeated } from "./generating/repeat.js";

interface DreamFlags extends GenerationFlags, PriorFlags, NegativeFlags {
  readonly prompt?: readonly string[];
  readonly promptsFile?: string;
  readonly from?: string;
  readonly embeddings?: string;
  readonly initImage?: readonly string[];
  readonly strength?: number;
}

const EXAMPLES = `
Examples:
  $ dalle2 dream --prompt "a red circle" --samples 4 --seed 1
  $ dalle2 dream --prompts-file prompts.txt --output-path out --json
  $ dalle2 dream --prompt "a blue square" --cond-scale 3,1 --steps 24,12 --prior-steps 16
  $ dalle2 dream --from output/a-red-circle-1.png
  $ dalle2 dream --prompt "a blue circle" --init-image sketch.png --strength 0.6
  $ dalle2 dream --embeddings shapes.safetensors
  $ printf 'a red circle\\na blue square\\n\\n2\\n' | dalle2 dream

Without --prompt, --prompts-file and --from it asks; a pipe answers line by line: prompts, an empty line, images of each.
--from repeats an image on the same adapter, dtype and models to ±1 in 255, and warns where they differ; other options
override what it recorded.

With --init-image the first U-Net starts from that image, made noisier the higher --strength is, and runs that share of
its steps; later U-Nets enlarge what comes out. With --embeddings the file's image embeddings of texts (dalle2 embed --text)
take the place of the prior's, and those texts are the prompts.`;

export function register(program: Command): void {
  const command = program
    .command("dream")
    .description("draw images of prompts")
    .option("--prompt <text>", "what to draw; may be given several times", collectTexts)
    .option("--prompts-file <file>", "prompts from a file: one per line, or a JSON array")
    .option("--from <image>", "draw an image again as its file says")
    .option("--embeddings <file>", "image embeddings of texts, in place of prompts and of the prior")
    .option("--init-image <file>", "PNG, JPEG or WebP to start from: one for each prompt, or one for all", collectTexts)
    .option(
      "--strength <fraction>",
      `how much of --init-image may change, 0 to 1 (default: ${DEFAULT_STRENGTH})`,
      fraction,
    );
  addGenerationOptions(addPriorOptions(addNegativeOption(command)))
    .addHelpText("after", EXAMPLES)
    .action((_, self: Command) => dream(self.optsWithGlobals<DreamFlags>()));
}

async function dream(given: DreamFlags): Promise<void> {
  const signal = interruptSignal();
  checkInputs(given);
  const repeats = given.from === undefined ? undefined : repeated(await recordToRepeat(given.from), given.modelConfig);
  // A type that is asked for holds for all components.
  const ofAll = given.dtype === undefined ? {} : { computeInF32: [] };
  const flags = repeats ? { ...repeats.flags, ...ofAll, ...given } : given;
  const sampling = { ...repeats?.settings, ...samplingOptions(given) };
  const { prompts, samples, imageEmbed } = await gatherPrompts(flags, signal);
  const initImages = await loadInitImages(given.initImage, prompts.length);
  const subjects = prompts.map((prompt, i) => ({ name: prompt, inputs: { prompt, ...fileInputs(given, i) } }));
  const plan = (manager: DalleModelManager, scripts: ScriptOptions): GenerationPlan => {
    if (imageEmbed) checkEmbeddingLength(manager, imageEmbed, given.embeddings!);
    return {
      images: planSamples(subjects, samples, flags),
      repeats: repeats?.generatedOn,
      draw: (call) =>
        new BasicInference(manager, scripts).run(prompts, {
          ...call,
          ...sampling,
          negativeText: flags.negativePrompt,
          priorSampleCount: samples,
          imageEmbed,
          initImages,
          strength: given.strength,
        }),
    };
  };
  await generateImages(flags, signal, plan, sampling);
}

/** Throws `UsageError` for options that do not go together. */
function checkInputs({ prompt, promptsFile, from, embeddings, initImage, strength }: DreamFlags): void {
  if (strength !== undefined && !initImage) throw new UsageError("--strength goes with --init-image: give that too.");
  if (embeddings === undefined) return;
  const others = { "--prompt": prompt, "--prompts-file": promptsFile, "--from": from };
  const [other] = Object.entries(others).find(([, value]) => value !== undefined) ?? [];
  if (other !== undefined) throw new UsageError(`--embeddings brings its own prompts: leave ${other} out.`);
}

/** The images to start from, as squares: one for each prompt. */
async function loadInitImages(files: readonly string[] | undefined, prompts: number): Promise<RgbImage[] | undefined> {
  if (!files) return undefined;
  if (files.length !== 1 && files.length !== prompts) {
    throw new UsageError(`Give --init-image once, or for each of ${prompts} prompts, not ${files.length} times.`);
  }
  const images: RgbImage[] = [];
  for (const file of files) images.push(await loadSquare(file, say));
  return Array.from({ length: prompts }, (_, i) => images[i] ?? images[0]!);
}

/** Names of the files that an image is generated from. */
function fileInputs({ embeddings, initImage }: DreamFlags, prompt: number): Readonly<Record<string, string>> {
  const start = initImage && (initImage[prompt] ?? initImage[0]!);
  return {
    ...(embeddings === undefined ? {} : { embeddings: basename(embeddings) }),
    ...(start === undefined ? {} : { initImage: basename(start) }),
  };
}

interface Prompts {
  readonly prompts: readonly string[];
  readonly samples: number;
  /** One for each prompt; undefined where the prior is to make them. */
  readonly imageEmbed?: readonly Embedding[];
}

async function gatherPrompts(
  { prompt = [], promptsFile, embeddings, samples }: DreamFlags,
  signal: AbortSignal,
): Promise<Prompts> {
  if (embeddings !== undefined) {
    const rows = await loadEmbeddings(embeddings, "priors", signal);
    return {
      prompts: rows.map(({ text }) => text),
      imageEmbed: rows.map(({ embedding }) => embedding),
      samples: samples ?? 1,
    };
  }
  const prompts = [...prompt, ...(promptsFile === undefined ? [] : await readPrompts(promptsFile))];
  if (prompts.length > 0) return { prompts, samples: samples ?? 1 };
  using asker = openAsker({ options: "--prompt, --prompts-file or --from", signal });
  return { prompts: await askPrompts(asker), samples: samples ?? (await askSamples(asker, "prompt")) };
}
