import type { Preview } from "../../../diffusion/denoise.js";
import type { Arena } from "../../../tensor/arena.js";
import { coloursOf, type LatentColours } from "./latent-colours.js";

/** Channels of an image. */
const CHANNELS = 3;

/**
 * Shows latents as small images. `colours` gets those that are fitted to the autoencoder. Undefined if nothing is shown, and in a dry
 * run.
 */
export async function latentPreview(
  arena: Arena,
  preview: Preview | undefined,
  colours: () => Promise<LatentColours>,
): Promise<Preview | undefined> {
  if (!preview || arena.stream.isDryRun) return undefined;
  const fitted = await colours();
  return {
    every: preview.every,
    show: async (x0) => {
      const [batch = 0, height = 0, width = 0] = x0.shape;
      using images = arena.from(coloursOf(await x0.read(), fitted), [batch, height, width, CHANNELS], "f32");
      await preview.show(images);
    },
  };
}
