import type { StageInfo } from "../models/stage-info.js";

/** Inputs that a caller has. */
export interface DataGiven {
  /** Whether there are image embeddings. Default false. */
  readonly imageEmbedding?: boolean;
  /** Whether there are text encodings. Default false. */
  readonly textEncoding?: boolean;
  /** Shortest side of the images, in pixels. Absent if there are no images. */
  readonly imageSize?: number | undefined;
  /** Whether there are texts. Default false. */
  readonly text?: boolean;
}

/**
 * Inputs that a model needs, and whether a CLIP can compute them from texts and images. It is dalle2-laion's
 * `DataRequirements`, except that U-Nets without image embeddings need none.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/dalle2_laion.py#L13-L70
 */
export class DataRequirements {
  constructor(
    /** Inputs that the model needs. */
    readonly needs: {
      /** Image embeddings. */
      readonly imageEmbedding: boolean;
      /** Text encodings. */
      readonly textEncoding: boolean;
      /** Images to enlarge. */
      readonly image: boolean;
      /** Minimum side of images, in pixels. */
      readonly imageSize: number;
    },
    /** Whether there is a CLIP that can embed texts and images. */
    readonly canGenerateEmbedding: boolean,
  ) {}

  /**
   * Returns what the U-Nets of a decoder need. If `startAtUnetNumber` is above 1, they enlarge an image. With `nullText`
   * (`Cascade.nullText`) they need no text.
   */
  static ofDecoder(
    stages: readonly StageInfo[],
    startAtUnetNumber: number,
    canGenerateEmbedding: boolean,
    nullText?: string,
  ): DataRequirements {
    const used = stages.slice(startAtUnetNumber - 1);
    const before = stages[Math.max(startAtUnetNumber - 2, 0)];
    const needs = {
      imageEmbedding: used.some(({ takesImageEmbed }) => takesImageEmbed),
      textEncoding: nullText === undefined && used.some(({ takesText }) => takesText),
      image: startAtUnetNumber > 1,
      // Decoders of many sizes read images only through CLIP, which resizes them.
      imageSize: before?.sizeUnit === undefined ? (before?.imageSize ?? 0) : 0,
    };
    return new DataRequirements(needs, canGenerateEmbedding);
  }

  /** Returns what is missing in `given`, a sentence for each input; an empty list if nothing is. */
  problems(given: DataGiven): string[] {
    const { imageEmbedding, textEncoding, image, imageSize: minSize } = this.needs;
    const canEmbed = this.canGenerateEmbedding;
    const { imageSize: size } = given;
    const problems: string[] = [];
    if (textEncoding && !given.textEncoding && !(canEmbed && given.text)) {
      problems.push(
        canEmbed
          ? "It was trained with text: pass text or textEncoding."
          : `It was trained with text: pass textEncoding${given.text ? ", as there is no CLIP to encode text" : ""}.`,
      );
    }
    const mustEmbed = imageEmbedding && !given.imageEmbedding;
    if (mustEmbed && !(canEmbed && size !== undefined)) {
      problems.push(
        canEmbed
          ? "It needs an image embedding: pass imageEmbed or images."
          : `It needs an image embedding: pass imageEmbed${size === undefined ? "" : ", as there is no CLIP to embed images"}.`,
      );
    }
    if (image && size === undefined) problems.push("It enlarges images: pass images.");
    const isUsed = image || (mustEmbed && canEmbed);
    if (isUsed && size !== undefined && size < minSize) {
      problems.push(`Images must have at least ${minSize} pixels a side, but the smallest has ${size}.`);
    }
    return problems;
  }
}
