// The folders of Kandinsky 2.2: the classes of their indexes, and the names of their components.
import { CLASSES, type PipelineLayout } from "../diffusers/claim-pipeline.js";
import type { EncoderComponents } from "../diffusers/clip-encoders.js";
import type { PriorComponents } from "../diffusers/prior/load-prior.js";
import type { OpenedFolder } from "../opened.js";

/** The components of a decoder in a folder. */
export interface DecoderComponents {
  readonly unet: string;
  readonly movq: string;
  readonly scheduler: string;
}

/** A folder of Kandinsky 2.2. */
export interface KandinskyLayout {
  readonly pipeline: PipelineLayout;
  /** Undefined if the folder has none of these. */
  readonly prior: PriorComponents | undefined;
  readonly encoders: EncoderComponents | undefined;
  readonly decoder: DecoderComponents | undefined;
}

/** The family, for messages. */
export const FAMILY = "Kandinsky 2.2";

const NAMES = { name: FAMILY, component: "kandinsky" };
const DECODER: DecoderComponents = { unet: "unet", movq: "movq", scheduler: "scheduler" };

const PRIOR_LAYOUT = layoutOf(
  { prior: "prior", scheduler: "scheduler" },
  { text: "text_encoder", tokenizer: "tokenizer", image: "image_encoder", processor: "image_processor" },
  undefined,
);
const DECODER_LAYOUT = layoutOf(undefined, undefined, DECODER);

/** What diffusers saves of a pipeline of both: the components of the prior have names of their own. */
const COMBINED_LAYOUT = layoutOf(
  { prior: "prior_prior", scheduler: "prior_scheduler" },
  {
    text: "prior_text_encoder",
    tokenizer: "prior_tokenizer",
    image: "prior_image_encoder",
    processor: "prior_image_processor",
  },
  DECODER,
);

/** The layout of each class of an index. Img2img and emb2emb load the folders of the others; someone may have saved their own. */
const LAYOUTS: Readonly<Record<string, KandinskyLayout>> = {
  KandinskyV22PriorPipeline: PRIOR_LAYOUT,
  KandinskyV22PriorEmb2EmbPipeline: PRIOR_LAYOUT,
  KandinskyV22Pipeline: DECODER_LAYOUT,
  KandinskyV22Img2ImgPipeline: DECODER_LAYOUT,
  KandinskyV22InpaintPipeline: DECODER_LAYOUT,
  KandinskyV22ControlnetPipeline: DECODER_LAYOUT,
  KandinskyV22ControlnetImg2ImgPipeline: DECODER_LAYOUT,
  KandinskyV22CombinedPipeline: COMBINED_LAYOUT,
  KandinskyV22Img2ImgCombinedPipeline: COMBINED_LAYOUT,
  KandinskyV22InpaintCombinedPipeline: COMBINED_LAYOUT,
};

/** The layout of a folder; undefined if it is of no pipeline of Kandinsky 2.2. */
export function layoutOfFolder({ index }: Pick<OpenedFolder, "index">): KandinskyLayout | undefined {
  const name = String(index._class_name);
  return Object.hasOwn(LAYOUTS, name) ? LAYOUTS[name] : undefined;
}

function layoutOf(
  prior: PriorComponents | undefined,
  encoders: EncoderComponents | undefined,
  decoder: DecoderComponents | undefined,
): KandinskyLayout {
  const classes = {
    ...(prior && { [prior.prior]: CLASSES.prior, [prior.scheduler]: CLASSES.unclipScheduler }),
    ...(encoders && {
      [encoders.text]: CLASSES.textEncoder,
      [encoders.tokenizer]: CLASSES.tokenizer,
      [encoders.image]: CLASSES.imageEncoder,
      [encoders.processor]: CLASSES.imageProcessor,
    }),
    ...(decoder && {
      [decoder.unet]: CLASSES.unet,
      [decoder.movq]: ["VQModel"] as const,
      [decoder.scheduler]: ["DDPMScheduler"] as const,
    }),
  };
  const needed = {
    ...(prior && { prior: [prior.prior, prior.scheduler] }),
    ...(decoder && { decoder: [decoder.unet, decoder.movq, decoder.scheduler] }),
    ...(encoders && { clip: [encoders.tokenizer, encoders.text] }),
  };
  const optional = encoders && { clip: [encoders.image, encoders.processor] };
  return { pipeline: { ...NAMES, classes, needed, optional }, prior, encoders, decoder };
}
