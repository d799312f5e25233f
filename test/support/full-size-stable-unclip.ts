/**
 * Stable unCLIP in its full size, as stabilityai/stable-diffusion-2-1-unclip has it: the tensors of
 * test/fixtures/headers/stable-unclip.json, which diffusers 0.37.1 and transformers make from the published configs.
 */
import * as z from "zod/mini";
import { listedShapes, readHeaders, referenceComponent, type ReferenceComponent } from "./listed-shapes.js";

export type StableUnclipComponent = "text_encoder" | "image_encoder" | "unet" | "vae";

/** All components. */
export function fullSizeStableUnclip(): Readonly<Record<StableUnclipComponent, ReferenceComponent>> {
  const { text_encoder, image_encoder, unet, vae } = z
    .object({ text_encoder: listedShapes, image_encoder: listedShapes, unet: listedShapes, vae: listedShapes })
    .parse(readHeaders("stable-unclip"));
  return {
    text_encoder: referenceComponent(text_encoder),
    image_encoder: referenceComponent(image_encoder),
    unet: referenceComponent(unet),
    vae: referenceComponent(vae),
  };
}
