/** Shape `[length, width]` of the encodings of a text. */
export type TextShape = readonly [length: number, width: number];

/** A stage of a cascade, as far as others plan by it. */
export interface StageInfo {
  /** As messages call it: "U-Net 1". */
  readonly name: string;
  /** Side in pixels of the square images that it makes. */
  readonly imageSize: number;
  /** Whether it takes text encodings. */
  readonly takesText: boolean;
  /** Whether it takes image embeddings. */
  readonly takesImageEmbed: boolean;
  /** Of the longest text, where it takes any. */
  readonly textShape: TextShape | undefined;
  /** Width of the image embeddings, where it takes any. */
  readonly imageEmbedDim: number | undefined;
  /** False where the checkpoint holds no weights of it: it cannot sample. */
  readonly isTrained: boolean;
  /**
   * Names of the components that its steps need, in this order; most stages have one. `sample` asks for each by `use` when
   * its turn comes, and needs only that one meanwhile.
   */
  readonly components: readonly string[];
}
