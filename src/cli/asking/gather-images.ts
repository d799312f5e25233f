import type { DalleModelManager } from "../../pipeline/manager/model-manager.js";
import { UsageError } from "../errors.js";
import { say } from "../output.js";
import { askSamples, openAsker } from "./asking.js";
import { askText, textsFor, type Suggest } from "./captions.js";
import type { GenerationFlags, NegativeFlags } from "../generating/options.js";
import { checkSeeds } from "../generating/seeds.js";
import { askImages, expandFolders } from "./image-files.js";

/** Flags of commands that generate from images. */
export interface ImageFlags extends GenerationFlags, NegativeFlags {
  readonly image?: readonly string[];
  readonly text?: readonly string[];
}

export interface GatheredImages {
  readonly files: readonly string[];
  /** One for each file; undefined if the decoder takes no text. */
  readonly texts: readonly string[] | undefined;
  readonly samples: number;
}

/** Adds files given as arguments to the flags and expands folders. A wrong path fails here, before models are downloaded. */
export function withFiles<Flags extends ImageFlags>(flags: Flags, files: readonly string[]): Flags {
  const image = expandFolders([...(flags.image ?? []), ...files]);
  if (image.length === 0) return flags;
  checkSeeds(flags, image.length * (flags.samples ?? 1));
  return { ...flags, image };
}

/**
 * Takes files and texts from the flags, or asks for them. `takesText` says whether the decoder takes text. `suggest` returns
 * the text for a file if none is given.
 */
export async function gatherImages(
  { image: files = [], text = [], samples }: ImageFlags,
  takesText: boolean,
  signal: AbortSignal,
  suggest?: Suggest,
): Promise<GatheredImages> {
  if (text.length > 0 && !takesText) say("Warning: --text is ignored: these U-Nets were trained without text.");
  if (files.length > 0) {
    return { files, texts: takesText ? await textsFor(files, text, suggest) : undefined, samples: samples ?? 1 };
  }
  if (text.length > 0) throw new UsageError("--text needs images: give their files too.");
  using asker = openAsker({ options: "the image files", signal });
  const texts: string[] = [];
  const asked = await askImages(asker, async (file) => {
    if (takesText) texts.push(await askText(asker, file));
  });
  return { files: asked, texts: takesText ? texts : undefined, samples: samples ?? (await askSamples(asker, "image")) };
}

/** Whether any U-Net of the decoder from number `startAt` on was trained with text. */
export function decoderTakesText({ decoder }: DalleModelManager, startAt = 1): boolean {
  const unets = decoder?.unets.slice(startAt - 1) ?? [];
  return unets.some(({ takesText }) => takesText);
}
