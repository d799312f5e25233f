// Where the prior of a decoder is.
import { priorInCard } from "../diffusers/model-card.js";
import { readOptions } from "../diffusers/read-options.js";
import type { OpenedFolder } from "../opened.js";
import { kandinskyUnetOptions } from "./config/unet-config.js";
import { layoutOfFolder } from "./layouts.js";

/** The published prior, which all published decoders were trained with, and the width of its image embeddings. */
const PUBLISHED = { id: "kandinsky-community/kandinsky-2-2-prior", embedDim: 1280 };

/**
 * The id on the hub of the prior for the decoder in a folder: the one that its model card names; else the published one, if the
 * U-Net takes embeddings of its width. Rejects with `FileError` or `ConfigError`.
 */
export async function priorOf(folder: OpenedFolder): Promise<string | undefined> {
  const named = await priorInCard(folder);
  const unet = layoutOfFolder(folder)?.decoder?.unet;
  if (named !== undefined || unet === undefined) return named;
  const { imageEmbedDim } = await readOptions(folder, unet, kandinskyUnetOptions);
  return imageEmbedDim === PUBLISHED.embedDim ? PUBLISHED.id : undefined;
}
