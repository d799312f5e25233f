import type { DalleModelManager } from "../../pipeline/manager/model-manager.js";
import { UsageError } from "../errors.js";
import { say } from "../output.js";
import { askSamples, openAsker } from "./asking.js";
import { askText, textsFor, type Suggest } from "./captions.js";
import type { GenerationFlags, NegativeFlags } from "../generating/options.js";
import { checkSeeds } from "../generating/seeds.js";
import { askImages, expandFolders } from "./image-files.js";

/** What commands that generate from images are given. */
export interface ImageFlags extends GenerationFlags, NegativeFlags {
  readonly image?: readonly string[];
  readonly text?: readonly string[];
}

export interface GatheredImages {
  readonly files: readonly string[];
  /** One for each file; undefined where the decoder takes none. */
  readonly texts: readonly string[] | undefined;
  readonly samples: number;
}

/** The flags with all files, also those given as arguments and those of folders: a wrong path is noticed before models are downloaded. */
export function withFiles<Flags extends ImageFlags>(flags: Flags, files: readonly string[]): Flags {
  const image = expandFolders([...(flags.image ?? []), ...files]);
  if (image.length === 0) return flags;
  checkSeeds(flags, image.length * (flags.samples ?? 1));
  return { ...flags, image };
}

/**
 * Takes files and texts from the flags, or asks for them. `takesText` says whether the decoder needs texts, which `suggest`
 * makes where none is given.
 */
export async function gatherImages(
  { image: files = [], text = [], samples }: ImageFlags,
  takesText: boolean,
  signal: AbortSignal,
  suggest?: Suggest,
): Promise<GatheredImages> {
  if (text.length > 0 && !takesText) say("Warning: these U-Nets were trained without text; --text is ignored.");
  if (files.length > 0) {
    return { files, texts: takesText ? await textsFor(files, text, suggest) : undefined, samples: samples ?? 1 };
  }
  if (text.length > 0) throw new UsageError("--text goes with images: give their files too.");
  using asker = openAsker({ options: "the image files", signal });
  const texts: string[] = [];
  const asked = await askImages(asker, async (file) => {
    if (takesText) texts.push(await askText(asker, file));
  });
  return { files: asked, texts: takesText ? texts : undefined, samples: samples ?? (await askSamples(asker, "image")) };
}

/** Whether a decoder was trained with text, in its U-Nets from `startAt` on, counted from 1. */
export function decoderTakesText({ decoder }: DalleModelManager, startAt = 1): boolean {
  const unets = decoder?.unets.slice(startAt - 1) ?? [];
  return unets.some(({ takesText }) => takesText);
}
