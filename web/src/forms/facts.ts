// What the forms need to know of a model.
import type { ClipInfo, DecoderInfo, PriorInfo, StageInfo } from "dalle2-webgpu";

/** Settings that a network has if a person sets none. */
export interface NetworkDefaults {
  readonly steps: number;
  readonly condScale: number;
}

/** The prior, for its settings. */
export interface PriorFacts extends NetworkDefaults {
  /** Candidates for each image embedding if a person sets none. */
  readonly candidates: number;
}

/** A U-Net, for its settings. */
export interface UnetFacts
  extends NetworkDefaults, Pick<StageInfo, "sizeUnit" | "takesHint" | "noiseLevels" | "inpaintsOnly"> {
  readonly name: string;
  /** Side of its images, in pixels. */
  readonly imageSize: number;
  readonly takesText: boolean;
  readonly takesImageEmbed: boolean;
  /** False if guidance changes nothing. */
  readonly takesGuidance: boolean;
}

/** A model, for the forms. */
export interface ModelFacts {
  readonly prior: PriorFacts | undefined;
  readonly unets: readonly UnetFacts[];
  /** Whether texts can be encoded. */
  readonly readsText: boolean;
  /** Whether images can be encoded. */
  readonly readsImages: boolean;
  /** Whether the decoder cannot generate without a text, not even from an image. */
  readonly needsText: boolean;
}

/** Descriptions of an open model. */
export interface ModelDescription {
  readonly prior: PriorInfo | undefined;
  readonly decoder: DecoderInfo | undefined;
  readonly clip: ClipInfo | undefined;
}

/** The included model, as it is known before it is open. */
export const SHAPES_FACTS: ModelFacts = {
  prior: { steps: 16, condScale: 1, candidates: 2 },
  unets: [
    {
      name: "U-Net 1",
      imageSize: 32,
      takesText: true,
      takesImageEmbed: true,
      takesGuidance: true,
      steps: 24,
      condScale: 2,
    },
    {
      name: "U-Net 2",
      imageSize: 64,
      takesText: false,
      takesImageEmbed: false,
      takesGuidance: true,
      steps: 12,
      condScale: 1,
    },
  ],
  readsText: true,
  readsImages: true,
  needsText: true,
};

/** Picks the facts of an open model. */
export function factsOf({ prior, decoder, clip }: ModelDescription): ModelFacts {
  return {
    prior: prior && { ...networkDefaults(prior.settings), candidates: prior.settings.numSamplesPerBatch },
    unets: (decoder?.unets ?? []).map(({ takesGuidance = true, ...unet }, i) => ({
      ...unet,
      takesGuidance,
      ...networkDefaults(decoder!.settings[i]!),
    })),
    readsText: clip !== undefined,
    readsImages: clip?.imageSize !== undefined,
    needsText: decoder?.requirements.needs.textEncoding ?? false,
  };
}

function networkDefaults({ steps, condScale }: NetworkDefaults): NetworkDefaults {
  return { steps, condScale };
}
