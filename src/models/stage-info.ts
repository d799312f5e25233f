/** Shape `[length, width]` of the encodings of a text. */
export type TextShape = readonly [length: number, width: number];

/** What planning needs to know about a stage of a cascade. */
export interface StageInfo {
  /** Its name in messages: "U-Net 1". */
  readonly name: string;
  /** Side in pixels of the square images that it generates. */
  readonly imageSize: number;
  /**
   * If it generates other sizes as well: height and width are multiples of this number of pixels, up to which they are enlarged. Default:
   * no other sizes.
   */
  readonly sizeUnit?: number | undefined;
  /** True if it needs a hint: see `CascadeSampling.hint`. Default false. */
  readonly takesHint?: boolean | undefined;
  /** Levels of noise that it takes on image embeddings: see `CascadeCall.noiseLevel`. Default: it takes none. */
  readonly noiseLevels?: number | undefined;
  /** How many times larger than the images the hint is, along a side. Default 1. */
  readonly hintScale?: number | undefined;
  /** True if it generates nothing but parts of images: it needs `CascadeSampling.inpaintImage` and its mask. Default false. */
  readonly inpaintsOnly?: boolean | undefined;
  /** True if it takes text encodings. */
  readonly takesText: boolean;
  /** True if it takes the embedding of a text beside its encodings. Default false. */
  readonly takesTextEmbed?: boolean | undefined;
  /** False if it has nothing to guide by: a guidance scale for all stages is then not for it. Default true. */
  readonly takesGuidance?: boolean | undefined;
  /** True if it takes image embeddings. */
  readonly takesImageEmbed: boolean;
  /** For the longest text, if it takes text. */
  readonly textShape: TextShape | undefined;
  /** Width of the image embeddings, if it takes any. */
  readonly imageEmbedDim: number | undefined;
  /** False if the checkpoint has no weights for it: it cannot sample. */
  readonly isTrained: boolean;
  /**
   * Names of the components that its steps need, in this order; most stages have one. `sample` requests each by `use`, one
   * at a time.
   */
  readonly components: readonly string[];
}
