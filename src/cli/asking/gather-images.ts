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
 * Takes files and texts from the flags, or asks for them. `suggest` returns the text for a file if the decoder needs one and
 * none is given.
 */
export async function gatherImages(
  { image: files = [], text = [], samples }: ImageFlags,
  use: TextUse,
  signal: AbortSignal,
  suggest?: Suggest,
): Promise<GatheredImages> {
  const takesText = use === "needed" || (use === "optional" && text.length > 0);
  if (text.length > 0 && use === "none") say("Warning: --text is ignored: these U-Nets were trained without text.");
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

/** Whether a decoder takes text: it needs one, has a null text that stands for a missing one, or takes none. */
export type TextUse = "needed" | "optional" | "none";

/** What the U-Nets of the decoder from number `startAt` on do with text. */
export function textUse({ models: { decoder } }: DalleModelManager, startAt = 1): TextUse {
  const { stages = [], nullText } = decoder?.model ?? {};
  if (!stages.slice(startAt - 1).some(({ info }) => info.takesText)) return "none";
  return nullText === undefined ? "needed" : "optional";
}
