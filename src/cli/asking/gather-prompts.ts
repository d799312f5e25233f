import { basename } from "node:path";
import type { RgbImage } from "../../image/image.js";
import type { DalleModelManager } from "../../pipeline/manager/model-manager.js";
import type { Embedding } from "../../pipeline/embedding.js";
import { UsageError } from "../errors.js";
import { loadEmbeddings } from "../generating/embeddings.js";
import { hintInput, keepsProportions, type HintFlags } from "../generating/canvas-options.js";
import type { GenerationFlags } from "../generating/options.js";
import { say } from "../output.js";
import { askSamples, openAsker } from "./asking.js";
import { cropToSquare, loadImage } from "./image-files.js";
import { valuePerInput } from "./per-input.js";
import { askPrompts, readPrompts } from "./prompts.js";

/** Flags of `dalle2 dream` for its inputs and the number of images. */
export interface PromptFlags extends GenerationFlags, HintFlags {
  readonly prompt?: readonly string[];
  readonly promptsFile?: string;
  readonly from?: string;
  readonly embeddings?: string;
  readonly initImage?: readonly string[];
  readonly strength?: number;
  readonly priorSamples?: number;
  readonly decoderSamples?: number;
}

/** Prompts and the numbers of embeddings and images. */
export interface GatheredPrompts {
  readonly prompts: readonly string[];
  readonly priorSampleCount: number;
  readonly decoderSampleCount: number;
  /** One for each prompt; undefined if the prior samples them. */
  readonly imageEmbed?: readonly Embedding[];
}

/** Throws `UsageError` for options that cannot be combined. */
export function checkInputs(flags: PromptFlags): void {
  const { prompt, promptsFile, from, embeddings, initImage, strength, samples, priorSamples, decoderSamples } = flags;
  if (strength !== undefined && !initImage) throw new UsageError("--strength needs --init-image: give that too.");
  if (samples !== undefined && (priorSamples ?? decoderSamples) !== undefined) {
    throw new UsageError(
      "--samples cannot be combined with --prior-samples or --decoder-samples: it is the number of image embeddings with one image each.",
    );
  }
  if (embeddings === undefined) return;
  const others = { "the prompt": prompt, "--prompts-file": promptsFile, "--from": from };
  const [other] = Object.entries(others).find(([, value]) => value !== undefined) ?? [];
  if (other !== undefined)
    throw new UsageError(`--embeddings cannot be combined with ${other}: the prompts are in the embeddings file.`);
  if (priorSamples !== undefined) {
    throw new UsageError(
      "--embeddings cannot be combined with --prior-samples: it replaces the prior. --samples is the number of images per embedding.",
    );
  }
}

/** Takes prompts, or embeddings, from the flags, or asks for prompts. */
export async function gatherPrompts(flags: PromptFlags, signal: AbortSignal): Promise<GatheredPrompts> {
  const { prompt = [], promptsFile, embeddings, samples, priorSamples, decoderSamples } = flags;
  const counts = { priorSampleCount: samples ?? priorSamples ?? 1, decoderSampleCount: decoderSamples ?? 1 };
  if (embeddings !== undefined) {
    const rows = await loadEmbeddings(embeddings, "priors", signal);
    return { prompts: rows.map(({ text }) => text), imageEmbed: rows.map(({ embedding }) => embedding), ...counts };
  }
  const prompts = [...prompt, ...(promptsFile === undefined ? [] : await readPrompts(promptsFile))];
  if (prompts.length > 0) return { prompts, ...counts };
  using asker = openAsker({ options: "a prompt, --prompts-file, --from or --embeddings", signal });
  const asked = await askPrompts(asker);
  if ((samples ?? priorSamples ?? decoderSamples) !== undefined) return { prompts: asked, ...counts };
  return { prompts: asked, ...counts, priorSampleCount: await askSamples(asker, "prompt") };
}

/** An initial image, and its file. */
interface InitImage {
  readonly file: string;
  readonly image: RgbImage;
}

/** Reads the initial images, one for each prompt; undefined without `--init-image`. */
export async function readInitImages(
  { initImage: files }: PromptFlags,
  prompts: number,
): Promise<readonly InitImage[] | undefined> {
  if (!files) return undefined;
  const indices = valuePerInput("--init-image", files, prompts, "prompt");
  const images: InitImage[] = [];
  for (const file of files) images.push({ file, image: await loadImage(file) });
  return indices.map((index) => images[index]!);
}

/** Initial images as the decoder takes them: if it has one size, cropped to squares, which is said. */
export function initImagesFor(
  manager: DalleModelManager,
  images: readonly InitImage[] | undefined,
): readonly RgbImage[] | undefined {
  if (!images || keepsProportions(manager)) return images?.map(({ image }) => image);
  const squares = new Map([...new Set(images)].map((one) => [one, cropToSquare(one.file, one.image, say)]));
  return images.map((one) => squares.get(one)!);
}

/** Names of the input files of a prompt, for the record. */
export function fileInputs(
  { embeddings, initImage, hint }: PromptFlags,
  prompt: number,
): Readonly<Record<string, string>> {
  const start = initImage && (initImage[prompt] ?? initImage[0]!);
  return {
    ...(embeddings === undefined ? {} : { embeddings: basename(embeddings) }),
    ...(start === undefined ? {} : { initImage: basename(start) }),
    ...hintInput({ hint }, prompt),
  };
}
