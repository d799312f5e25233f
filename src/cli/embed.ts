import { basename, dirname } from "node:path";
import type { Command } from "commander";
import type { RgbImage } from "../image/image.js";
import { ModelLoadConfig } from "../pipeline/load-config.js";
import { DalleModelManager } from "../pipeline/manager/model-manager.js";
import { writeEmbeddings, type PriorEmbedded, type StoredEmbeddings } from "../pipeline/records/embeddings-file.js";
import { keptTuning } from "../tuning/kept.js";
import { priorOf } from "../pipeline/prior-call.js";
import { DEFAULT_PRIOR_STRENGTH, type SamplePriorOptions } from "../pipeline/script-options.js";
import { Embed } from "../pipeline/scripts/embed.js";
import { counted } from "../platform/counted.js";
import { writeFileAtomic } from "../platform/node.js";
import { tryFolder } from "../platform/node-temporary-files.js";
import { captionOf } from "./asking/captions.js";
import { expandFolders, loadForClip } from "./asking/image-files.js";
import { valuePerInput } from "./asking/per-input.js";
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
import { collectTexts, finiteNumbers, fraction, nonEmptyText, wholeNumber } from "./option-values.js";
import { print, printJson } from "./output.js";
import { formatDtype } from "./report-text.js";

interface EmbedFlags extends ModelFlags, PriorFlags, SeedFlags {
  readonly text?: readonly string[];
  readonly textsFile?: string;
  readonly image?: readonly string[];
  /** Weights of the inputs: texts, then images. */
  readonly mix?: readonly number[];
  readonly initImage?: readonly string[];
  readonly strength?: number;
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
  $ dalle2 embed --text "a cat" --image sky.png --mix 0.4,0.6 --model-config kandinsky-2.2 --output mixed.safetensors
  $ dalle2 dream --embeddings mixed.safetensors --model-config kandinsky-2.2
  $ dalle2 embed --text "a cat" --init-image dog.png --strength 0.5 --model-config kandinsky-2.2

The file has one tensor per kind, with one row per text or image: clip_text_embed and prior_image_embed for texts,
clip_image_embed for images. Its metadata names the text or image of each row, its seed, and the models.

With --mix, the file has mixtures alone, as prior_image_embed: the sum of the image embeddings of all texts and images, each
times its weight. Texts come first, then images, in the order given.`;

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
    .option("-n, --samples <n>", "image embeddings per text, or mixtures", wholeNumber, 1)
    .option(
      "--mix <weights>",
      "mix all texts and images into one image embedding, with a weight for each: first the texts, then the images, such as 0.3,0.7",
      finiteNumbers,
    )
    .option(
      "--init-image <file>",
      "image whose embedding the prior starts from, for Kandinsky: one for all texts, or one per text",
      collectTexts,
    )
    .option(
      "--strength <fraction>",
      `how much the prior may change the embedding of --init-image, from 0 to 1 (default: ${DEFAULT_PRIOR_STRENGTH})`,
      fraction,
    );
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
  checkMix(flags, texts.length, files.length);
  checkInitImages(flags, texts.length);
  checkSeeds(flags, (flags.mix ? 1 : texts.length) * flags.samples);
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

/** Throws `UsageError` if there is not one weight for each input, or for options that mixtures do not have. */
function checkMix({ mix, prior, initImage }: EmbedFlags, texts: number, images: number): void {
  if (!mix) return;
  if (!prior) throw new UsageError("--mix cannot be combined with --no-prior: mixtures are image embeddings.");
  if (initImage) {
    throw new UsageError(
      "--mix cannot be combined with --init-image: to mix an image with the texts, give it as --image.",
    );
  }
  if (mix.length === texts + images) return;
  throw new UsageError(
    `--mix has ${counted(mix.length, "weight")}, but there are ${counted(texts, "text")} and ${counted(images, "image")}: give one weight for each.`,
  );
}

/** Throws `UsageError` for images to start from without texts, or not one for each text. */
function checkInitImages({ initImage, strength, prior }: EmbedFlags, texts: number): void {
  if (!initImage) {
    if (strength === undefined) return;
    throw new UsageError("--strength needs --init-image: give that too.");
  }
  if (!prior) throw new UsageError("--init-image cannot be combined with --no-prior: the prior starts from it.");
  if (texts === 0) throw new UsageError("--init-image needs a text: give --text or --texts-file.");
  valuePerInput("--init-image", initImage, texts, "text");
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
  if (flags.initImage) checkTakesInitImage(manager);
  if (flags.mix) {
    const priors = await mixAll(script, flags, flags.mix, { ...inputs, images: await loadForClip(files, manager) });
    return { texts: [], images: [], priors, generatedOn };
  }
  const ofTexts = texts.length > 0 ? await script.texts(texts, { signal }) : [];
  const ofImages = files.length > 0 ? await script.images(await loadForClip(files, manager), { signal }) : [];
  const runsPrior = texts.length > 0 && flags.prior && manager.prior !== undefined;
  return {
    texts: texts.map((text, i) => ({ text, embedding: ofTexts[i]! })),
    images: files.map((file, i) => ({ image: basename(file), embedding: ofImages[i]! })),
    priors: runsPrior
      ? await samplePrior(script, flags, { ...inputs, start: await startOf(script, manager, flags, inputs) })
      : [],
    generatedOn,
  };
}

/** Throws `UsageError` if the prior cannot start from an image embedding. */
function checkTakesInitImage(manager: DalleModelManager): void {
  if (priorOf(manager).takesInitEmbed) return;
  throw new UsageError(
    "This prior cannot start from an image (--init-image); that of Kandinsky 2.2 can: --model-config kandinsky-2.2.",
  );
}

/** What the prior starts from: an image embedding for each text. Nothing without `--init-image`. */
async function startOf(
  script: Embed,
  manager: DalleModelManager,
  { initImage, strength }: EmbedFlags,
  { texts, signal }: EmbedInputs,
): Promise<Start> {
  if (!initImage) return {};
  const embeddings = await script.images(await loadForClip(initImage, manager), { signal });
  return { initEmbed: texts.map((_, i) => embeddings[i] ?? embeddings[0]!), strength };
}

type Start = Pick<SamplePriorOptions, "initEmbed" | "strength">;

/** Samples mixtures of all texts and images. Their text, the prompt in `dream`, names all that was mixed. */
async function mixAll(
  script: Embed,
  flags: EmbedFlags,
  weights: readonly number[],
  { texts, files, images, signal, progress }: EmbedInputs & { readonly images: readonly RgbImage[] },
): Promise<PriorEmbedded[]> {
  const { samples } = flags;
  const text = [...texts, ...(await Promise.all(files.map(captionOf)))].join(", ");
  const seeds = followingSeeds(flags, samples);
  progress.start();
  const mixtures = await script.mix([...texts, ...images], weights, {
    ...priorOptions(flags),
    ...seedsOf(seeds),
    sampleCount: samples,
    signal,
    onProgress: (step) => {
      progress.step(step);
    },
  });
  return mixtures.map(({ embedding }, i) => ({ text, ...seeds[i]!, embedding }));
}

async function samplePrior(
  script: Embed,
  flags: EmbedFlags,
  { texts, signal, progress, start }: EmbedInputs & { readonly start: Start },
): Promise<PriorEmbedded[]> {
  const { samples } = flags;
  const seeds = followingSeeds(flags, texts.length * samples);
  progress.start();
  const sampled = await script.prior(texts, {
    ...priorOptions(flags),
    ...start,
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
