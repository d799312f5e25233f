import { configUrl, SHAPES, type ModelChoice } from "./model-choice.js";

/** GPU memory for one image at a time with one component on the GPU at a time, in GiB: what docs/memory.md has. */
export interface KnownMemory {
  readonly f32: number;
  readonly f16: number;
  readonly int8: number;
}

/** A model that is published, as the page describes it. What is undefined is not known. */
export interface CatalogueEntry {
  readonly choice: ModelChoice;
  readonly group: "included" | "published" | "experts";
  /** What it does, in one sentence. */
  readonly summary: string;
  /** Side of its images, in pixels. */
  readonly imageSize: number;
  /** Whether it takes text alone. Else it generates variations of an image. */
  readonly takesText: boolean;
  /** Whether its images follow a hint, such as a map of depths, which it needs. Default: it takes none. */
  readonly takesHint?: boolean;
  readonly licence: string;
  /** Page of its authors. */
  readonly page: string | undefined;
  readonly memory: KnownMemory | undefined;
}

const HUB = "https://huggingface.co/";
const KANDINSKY = { imageSize: 512, licence: "Apache 2.0", memory: { f32: 7.0, f16: 3.5, int8: 1.9 } };
const STABLE_UNCLIP = { imageSize: 768, licence: "CreativeML Open RAIL++-M" };
const KARLO = { imageSize: 256, licence: "CreativeML Open RAIL-M" };
const OF_AUTHORS = "Its authors' (see their page)";

/** The included model, and those that are published, most useful first. */
export const CATALOGUE: readonly CatalogueEntry[] = [
  {
    choice: { ...SHAPES, downloadBytes: 21_887_900 },
    group: "included",
    summary: "Coloured shapes on a plain background. Small and fast: for a first try, and for any computer.",
    imageSize: 64,
    takesText: true,
    licence: "MIT",
    page: undefined,
    memory: undefined,
  },
  hub("kandinsky-2.2", "Kandinsky 2.2", "published", {
    summary: "Images of all kinds from text, and variations of images, in many sizes.",
    downloadBytes: 15.9e9,
    ...KANDINSKY,
    page: `${HUB}kandinsky-community/kandinsky-2-2-decoder`,
  }),
  hub("kandinsky-2.2-inpaint", "Kandinsky 2.2, inpainting", "published", {
    summary: "The same with a decoder that was trained to fill parts of images.",
    downloadBytes: 15.9e9,
    ...KANDINSKY,
    page: `${HUB}kandinsky-community/kandinsky-2-2-decoder-inpaint`,
  }),
  hub("stable-unclip", "Stable unCLIP", "published", {
    summary: "Stable Diffusion 2.1 for image embeddings: variations of an image, led by a text.",
    downloadBytes: 7.7e9,
    takesText: false,
    ...STABLE_UNCLIP,
    memory: { f32: 4.5, f16: 2.3, int8: 1.4 },
    page: `${HUB}stabilityai/stable-diffusion-2-1-unclip`,
  }),
  hub("stable-unclip-small", "Stable unCLIP, small", "published", {
    summary: "The same with the smaller image encoder, CLIP ViT-L/14.",
    downloadBytes: 6.4e9,
    takesText: false,
    ...STABLE_UNCLIP,
    page: `${HUB}stabilityai/stable-diffusion-2-1-unclip-small`,
  }),
  hub("karlo", "Karlo", "published", {
    summary: "Kakao Brain's model: images of all kinds from text.",
    downloadBytes: 13.7e9,
    ...KARLO,
    page: `${HUB}kakaobrain/karlo-v1-alpha`,
  }),
  hub("karlo-image-variations", "Karlo, image variations", "published", {
    summary: "Karlo without its prior: variations of an image, and no images from text alone.",
    downloadBytes: 10.8e9,
    takesText: false,
    ...KARLO,
    page: `${HUB}kakaobrain/karlo-v1-alpha-image-variations`,
  }),
  laion("gradio", "LAION, 256 px", "published", {
    summary: "LAION's decoder v1.0.2 with an upsampler, as in the page that LAION published. Load config “gradio”.",
    imageSize: 256,
    memory: { f32: 4.0, f16: 2.0, int8: 1.0 },
  }),
  laion("upsampler-1024", "LAION, 1024 px", "published", {
    summary: "The same with a second upsampler, LAION's.",
    imageSize: 1024,
    memory: { f32: 4.4, f16: 2.5, int8: 2.4 },
  }),
  laion("variation", "LAION, variations", "published", {
    summary: "The same without a prior: variations of an image, and no images from text alone.",
    imageSize: 256,
    takesText: false,
    memory: { f32: 4.0, f16: 2.0, int8: 1.0 },
  }),
  hub("kandinsky-2.2-depth", "Kandinsky 2.2, depth", "experts", {
    summary: "The same with a decoder that follows a map of depths, which it needs.",
    downloadBytes: 15.9e9,
    takesHint: true,
    ...KANDINSKY,
    page: `${HUB}kandinsky-community/kandinsky-2-2-controlnet-depth`,
  }),
  hub("stable-unclip-t2i-l", "Stable unCLIP, text to image", "experts", {
    summary: "Stable unCLIP with Karlo's prior: images from text alone.",
    downloadBytes: 9.8e9,
    imageSize: 768,
    licence: "Not given",
    page: `${HUB}diffusers/stable-diffusion-2-1-unclip-t2i-l`,
  }),
  laion("prior-aesthetic", "LAION with the aesthetic prior", "experts", {
    summary: "Decoder v1.0.2 alone, with nousr's aesthetic prior.",
    page: `${HUB}nousr/conditioned-prior`,
    memory: { f32: 4.0, f16: 2.0, int8: 1.0 },
  }),
  laion("decoder-1.5B", "LAION, decoder 1.5B", "experts", {
    summary: "An earlier decoder, of version 0.15.4.",
    memory: { f32: 4.0, f16: 2.0, int8: 1.0 },
  }),
  laion("decoder-1.5B-laion2B", "LAION, decoder 1.5B on LAION-2B", "experts", {
    summary: "The same decoder after training on LAION-2B.",
    memory: { f32: 4.0, f16: 2.0, int8: 1.0 },
  }),
  laion("da-vinc-e", "DA-VINC-E", "experts", {
    summary: "The first decoder with text, trained with a fork of version 0.11.5.",
    page: `${HUB}Veldrovive/DA-VINC-E`,
    memory: { f32: 4.5, f16: 2.3, int8: 1.2 },
  }),
  laion("decoder-2B", "LAION, decoder 2B", "experts", {
    summary: "A later training of 2022, which takes no text in the decoder.",
    memory: { f32: 9.4, f16: 4.7, int8: 2.6 },
  }),
  laion("decoder-2.4B-fp16", "LAION, decoder 2.4B", "experts", {
    summary: "A later training of 2022, in f16, which takes no text in the decoder.",
    memory: { f32: 9.4, f16: 4.7, int8: 2.6 },
  }),
  laion("decoder-3B-fp16", "LAION, decoder 3B", "experts", {
    summary: "The largest of these decoders, of 2022, in f16.",
    memory: { f32: 12.2, f16: 6.1, int8: 3.1 },
  }),
  laion("nousr-vit-h-14", "nousr, ViT-H-14", "experts", {
    summary: "A decoder for OpenCLIP's ViT-H-14. No prior for it was published: variations of an image only.",
    takesText: false,
    page: `${HUB}nousr/dalle2-pytorch`,
    memory: { f32: 3.8, f16: 1.9, int8: 1.0 },
  }),
];

/** Load configs with the same files and values as another. */
const SAME: Readonly<Record<string, string>> = { upsampler: "gradio" };

/** The entry of an id; undefined for models of the user. */
export function entryOf(id: string): CatalogueEntry | undefined {
  return CATALOGUE.find(({ choice }) => choice.id === (SAME[id] ?? id));
}

type LaionFacts = Pick<CatalogueEntry, "summary" | "memory"> &
  Partial<Pick<CatalogueEntry, "imageSize" | "takesText" | "page">>;

type HubFacts = Pick<CatalogueEntry, "summary" | "imageSize" | "licence" | "page"> &
  Pick<ModelChoice, "downloadBytes"> &
  Partial<Pick<CatalogueEntry, "takesText" | "takesHint" | "memory">>;

/** A folder of models on the Hugging Face hub. `downloadBytes` is for weights in f32. */
function hub(
  id: string,
  label: string,
  group: CatalogueEntry["group"],
  { downloadBytes, ...facts }: HubFacts,
): CatalogueEntry {
  const choice = { id, label, config: configUrl(id), downloadBytes };
  return { choice, group, takesText: true, memory: undefined, ...facts };
}

function laion(id: string, label: string, group: CatalogueEntry["group"], facts: LaionFacts): CatalogueEntry {
  return {
    choice: { id, label, config: configUrl(`laion/${id}`) },
    group,
    imageSize: 64,
    takesText: true,
    licence: OF_AUTHORS,
    page: `${HUB}laion/DALLE2-PyTorch`,
    ...facts,
  };
}
