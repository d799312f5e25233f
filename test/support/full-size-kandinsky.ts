/**
 * Kandinsky 2.2 in its full size: the tensors of test/fixtures/headers/kandinsky-*.json, which diffusers 0.37.1 and transformers make from
 * the published configs.
 */
import * as z from "zod/mini";
import { listedShapes, readHeaders, referenceComponent, type ReferenceComponent } from "./listed-shapes.js";

/** The published `preprocessor_config.json`. */
export const IMAGE_PROCESSOR = {
  crop_size: 224,
  size: 224,
  do_center_crop: true,
  do_normalize: true,
  do_resize: true,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
  resample: 3,
};

/** For a text encoder whose rows of tokens are given. */
export const NO_TOKENS = { ids: new Map(), merges: [], start: 0, end: 1, unknown: 1, padding: 1, added: new Map() };

/** The U-Nets of the published decoders: for a text, for inpainting, and for a text with a hint. */
export const UNETS = ["unet", "unet_inpaint", "unet_hint"] as const;
export type UnetForm = (typeof UNETS)[number];

export type KandinskyComponent = "prior" | "text_encoder" | "image_encoder" | "movq" | UnetForm;

/** All components. Two of the U-Nets are listed by what differs from the first. */
export function fullSizeKandinsky(): Readonly<Record<KandinskyComponent, ReferenceComponent>> {
  const prior = z
    .object({ prior: listedShapes, text_encoder: listedShapes, image_encoder: listedShapes })
    .parse(readHeaders("kandinsky-prior"));
  const decoder = z
    .object({ unet: listedShapes, unet_inpaint: listedShapes, unet_hint: listedShapes, movq: listedShapes })
    .parse(readHeaders("kandinsky-decoder"));
  const unet = (form: UnetForm) => referenceComponent(decoder[form], decoder.unet);
  return {
    prior: referenceComponent(prior.prior),
    text_encoder: referenceComponent(prior.text_encoder),
    image_encoder: referenceComponent(prior.image_encoder),
    unet: unet("unet"),
    unet_inpaint: unet("unet_inpaint"),
    unet_hint: unet("unet_hint"),
    movq: referenceComponent(decoder.movq),
  };
}
