// The folders of Stable unCLIP: the classes of their indexes, and the names of their components.
import { CLASSES, type PipelineLayout } from "../diffusers/claim-pipeline.js";
import type { EncoderComponents } from "../diffusers/clip-encoders.js";
import type { OpenedFolder } from "../opened.js";

/** The family, for messages. */
export const FAMILY = "Stable unCLIP";

/** The components of the prior of a pipeline for texts. */
export const PRIOR = { prior: "prior", scheduler: "prior_scheduler" } as const;

/** The components of the decoder. Its text encoder is not that of the prior. */
export const DECODER = {
  unet: "unet",
  vae: "vae",
  scheduler: "scheduler",
  normalizer: "image_normalizer",
  noising: "image_noising_scheduler",
  text: "text_encoder",
  tokenizer: "tokenizer",
} as const;

/** The encoders of images, and of texts for the prior. */
export const ENCODERS: EncoderComponents = {
  text: "prior_text_encoder",
  tokenizer: "prior_tokenizer",
  image: "image_encoder",
  processor: "feature_extractor",
};

const DECODER_CLASSES = {
  [DECODER.unet]: CLASSES.unet,
  [DECODER.vae]: ["AutoencoderKL"],
  [DECODER.scheduler]: ["PNDMScheduler"],
  [DECODER.normalizer]: ["StableUnCLIPImageNormalizer"],
  [DECODER.noising]: ["DDPMScheduler"],
  [DECODER.text]: ["CLIPTextModel"],
  [DECODER.tokenizer]: CLASSES.tokenizer,
} as const;
const IMAGE_CLASSES = { [ENCODERS.image]: CLASSES.imageEncoder, [ENCODERS.processor]: CLASSES.imageProcessor };

const NAMES = { name: FAMILY, component: "stable-unclip" };
const DECODER_NEEDS = Object.values(DECODER);

/** From texts to images, with the prior of Karlo or another of its kind. */
const TEXT_LAYOUT: PipelineLayout = {
  ...NAMES,
  classes: {
    ...DECODER_CLASSES,
    ...IMAGE_CLASSES,
    [PRIOR.prior]: CLASSES.prior,
    [PRIOR.scheduler]: ["DDPMScheduler"],
    [ENCODERS.text]: CLASSES.textEncoder,
    [ENCODERS.tokenizer]: CLASSES.tokenizer,
  },
  needed: { prior: Object.values(PRIOR), decoder: DECODER_NEEDS, clip: [ENCODERS.text, ENCODERS.tokenizer] },
  optional: { clip: [ENCODERS.image, ENCODERS.processor] },
};

/** From images to images. */
const IMAGE_LAYOUT: PipelineLayout = {
  ...NAMES,
  classes: { ...DECODER_CLASSES, ...IMAGE_CLASSES },
  needed: { decoder: DECODER_NEEDS, clip: [ENCODERS.image, ENCODERS.processor] },
};

const LAYOUTS: Readonly<Record<string, PipelineLayout>> = {
  StableUnCLIPPipeline: TEXT_LAYOUT,
  StableUnCLIPImg2ImgPipeline: IMAGE_LAYOUT,
};

/** The layout of a folder; undefined if it is of no pipeline of Stable unCLIP. */
export function layoutOfFolder({ index }: Pick<OpenedFolder, "index">): PipelineLayout | undefined {
  const name = String(index._class_name);
  return Object.hasOwn(LAYOUTS, name) ? LAYOUTS[name] : undefined;
}
