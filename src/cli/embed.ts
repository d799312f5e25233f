import { basename, dirname } from "node:path";
import type { Command } from "commander";
import { ModelLoadConfig } from "../pipeline/load-config.js";
import { DalleModelManager } from "../pipeline/manager/model-manager.js";
import { writeEmbeddings, type PriorEmbedded, type StoredEmbeddings } from "../pipeline/records/embeddings-file.js";
import { keptTuning } from "../tuning/kept.js";
import { Embed } from "../pipeline/scripts/embed.js";
import { writeFileAtomic } from "../platform/node.js";
import { tryFolder } from "../platform/node-temporary-files.js";
import { expandFolders, loadForClip } from "./asking/image-files.js";
import { readPrompts } from "./asking/prompts.js";
import { UsageError } from "./errors.js";
import { loadingOptions } from "./generating/command.js";
import {
  addModelOptions,
  addPriorOptions,
  priorOptions,
  type ModelFlags,
  type PriorFlags,
} from "./generating/options.js";
import { formatDuration } from "./generating/progress-line.js";
import { ProgressReport } from "./generating/progress.js";
import { addSeedOption, checkSeeds, followingSeeds, seedsOf, type SeedFlags } from "./generating/seeds.js";
import { interruptSignal } from "./interrupt.js";
import { collectTexts, nonEmptyText, wholeNumber } from "./option-values.js";
import { print, printJson } from "./output.js";
import { formatDtype } from "./report-text.js";

interface EmbedFlags extends ModelFlags, PriorFlags, SeedFlags {
  readonly text?: readonly string[];
  readonly textsFile?: string;
  readonly image?: readonly string[];
  /** False with `--no-prior`. */
  readonly prior: boolean;
  readonly samples: number;
  readonly output: string;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  $ dalle2 embed --text "a red circle" --text "a blue square" --output shapes.safetensors
  $ dalle2 dream --embeddings shapes.safetensors --samples 4
  $ dalle2 embed --image photos/ --output photos.safetensors
  $ dalle2 variation --embeddings photos.safetensors

The file has one tensor per kind, with one row per text or image: clip_text_embed and prior_image_embed for texts,
clip_image_embed for images. Its metadata names the text or image of each row, its seed, and the models.`;

export function register(program: Command): void {
  const command = program
    .command("embed")
    .description("write embeddings of texts and images to a safetensors file, for dream, variation and other programs")
    .option("--text <text>", "text to embed with CLIP; the prior samples an image embedding from it", collectTexts)
    .option("--texts-file <file>", "read texts from a file: one per line, or a JSON array")
    .option("-i, --image <file>", "image, or folder of images, to embed with CLIP", collectTexts)
    .option("-o, --output <file>", "the safetensors file to write", nonEmptyText, "embeddings.safetensors")
    .option("--json", "print one JSON object: {file, tensors: [{name, shape}]}")
    .optionsGroup("Prior:")
    .option("--no-prior", "write only CLIP's embeddings")
    .option("-n, --samples <n>", "image embeddings per text", wholeNumber, 1);
  addSeedOption(
    command,
    "seed of the prior's first embedding; each later embedding has the next seed; -1: random (default: -1)",
  );
  addModelOptions(addPriorOptions(command))
    .addHelpText("after", EXAMPLES)
    .action((_, self: Command) => embed(self.optsWithGlobals<EmbedFlags>()));
}

async function embed(flags: EmbedFlags): Promise<void> {
  const { output, textsFile } = flags;
  const signal = interruptSignal();
  const texts = [...(flags.text ?? []), ...(textsFile === undefined ? [] : await readPrompts(textsFile))];
  const files = expandFolders(flags.image ?? []);
  if (texts.length + files.length === 0)
    throw new UsageError("There is nothing to embed: give --text, --texts-file or --image.");
  if (!output.endsWith(".safetensors")) {
    throw new UsageError(`${output}: the name of the output file must end in .safetensors.`);
  }
  // Check before anything is downloaded or computed.
  checkSeeds(flags, texts.length * flags.samples);
  tryFolder(dirname(output));
  const progress = new ProgressReport(flags.json === true && flags.verbose !== true);
  const begin = performance.now();
  try {
    const stored = await embedAll(flags, { texts, files, signal, progress });
    await writeFileAtomic(output, writeEmbeddings(stored));
    progress.end();
    report(flags, stored);
    if (flags.verbose) progress.warn(`It took ${formatDuration(performance.now() - begin)}.`);
  } finally {
    progress.end();
  }
}

interface EmbedInputs {
  readonly texts: readonly string[];
  readonly files: readonly string[];
  readonly signal: AbortSignal;
  readonly progress: ProgressReport;
}

async function embedAll(flags: EmbedFlags, inputs: EmbedInputs): Promise<StoredEmbeddings> {
  const { texts, files, signal, progress } = inputs;
  const { dtype, weights, offload, modelConfig = "shapes", priorFolder } = flags;
  const loading = loadingOptions(flags, signal, progress);
  const config = await ModelLoadConfig.open(modelConfig, { signal, prior: priorFolder });
  const tuning = keptTuning({ onWarning: progress.warn });
  using manager = await DalleModelManager.create(config, { ...loading, dtype, weights, offload, tuning });
  const script = new Embed(manager, { onWarning: progress.warn, tokenization: flags.tokenization });
  const generatedOn = await manager.generatedOn({ signal });
  if (flags.verbose) progress.warn(`${generatedOn.adapter}, ${formatDtype(generatedOn)}; ${config.source}`);
  const ofTexts = texts.length > 0 ? await script.texts(texts, { signal }) : [];
  const ofImages = files.length > 0 ? await script.images(await loadForClip(files, manager), { signal }) : [];
  const runsPrior = texts.length > 0 && flags.prior && manager.prior !== undefined;
  return {
    texts: texts.map((text, i) => ({ text, embedding: ofTexts[i]! })),
    images: files.map((file, i) => ({ image: basename(file), embedding: ofImages[i]! })),
    priors: runsPrior ? await samplePrior(script, flags, inputs) : [],
    generatedOn,
  };
}

async function samplePrior(
  script: Embed,
  flags: EmbedFlags,
  { texts, signal, progress }: EmbedInputs,
): Promise<PriorEmbedded[]> {
  const { samples } = flags;
  const seeds = followingSeeds(flags, texts.length * samples);
  progress.start();
  const sampled = await script.prior(texts, {
    ...priorOptions(flags),
    ...seedsOf(seeds),
    sampleCount: samples,
    signal,
    onProgress: (step) => {
      progress.step(step);
    },
  });
  return texts.flatMap((text, i) =>
    sampled.get(i)!.map((embedding, j) => ({ text, ...seeds[i * samples + j]!, embedding })),
  );
}

function report({ output, json }: EmbedFlags, { texts, images, priors }: StoredEmbeddings): void {
  const rows = { clip_text_embed: texts, clip_image_embed: images, prior_image_embed: priors };
  const tensors = Object.entries(rows)
    .filter(([, { length }]) => length > 0)
    .map(([name, each]) => ({ name, shape: [each.length, ...each[0]!.embedding.shape] }));
  if (json) printJson({ file: output, tensors });
  else print(`${output}: ${tensors.map(({ name, shape }) => `${name} [${shape.join(", ")}]`).join(", ")}`);
}
