import { isGuided } from "../diffusion/guidance.js";
import type { NetworkSettings } from "../diffusion/settings.js";
import type { Cascade } from "../models/interfaces.js";
import type { Embedding } from "./embedding.js";
import type { SampleDecoderOptions } from "./script-options.js";

/**
 * The image embeddings that a call of the decoder is guided away from: those that it gives, or else that of no image for each input, if
 * the decoder is guided and has no null embedding of its own. `embedNull` computes it.
 */
export async function negativeImagesOf(
  { stages, takesNullImage = false }: Pick<Cascade, "stages" | "takesNullImage">,
  options: Pick<SampleDecoderOptions, "negativeImageEmbed" | "startAtUnetNumber" | "stopAtUnetNumber">,
  settings: readonly NetworkSettings[],
  { inputs, embedNull }: { readonly inputs: number; readonly embedNull: () => Promise<Embedding | undefined> },
): Promise<readonly Embedding[] | undefined> {
  const { negativeImageEmbed, startAtUnetNumber: start = 1, stopAtUnetNumber: stop } = options;
  if (negativeImageEmbed || !takesNullImage) return negativeImageEmbed;
  const isNeeded = stages
    .slice(start - 1, stop)
    .some(({ info }, i) => info.takesImageEmbed && isGuided(settings[start - 1 + i]!));
  const embedding = isNeeded ? await embedNull() : undefined;
  return embedding && new Array<Embedding>(inputs).fill(embedding);
}
