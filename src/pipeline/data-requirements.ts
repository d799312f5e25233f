import type { StageInfo } from "../models/stage-info.js";

/** What a caller has to offer. */
export interface DataGiven {
  /** Whether there are image embeddings. Default: false. */
  readonly imageEmbedding?: boolean;
  /** Whether there are text encodings. Default: false. */
  readonly textEncoding?: boolean;
  /** Side in pixels of the smallest image, where there are images. */
  readonly imageSize?: number | undefined;
  /** Whether there are texts. Default: false. */
  readonly text?: boolean;
}

/**
 * What a model has to be given, and whether a CLIP can make it from text and images (dalle2-laion's `DataRequirements`, but
 * that U-Nets which take no image embedding need none).
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/dalle2_laion.py#L13-L70
 */
export class DataRequirements {
  constructor(
    /** What has to be given. */
    readonly needs: {
      /** Image embeddings. */
      readonly imageEmbedding: boolean;
      /** Text encodings. */
      readonly textEncoding: boolean;
      /** An image to start from. */
      readonly image: boolean;
      /** Smallest side of an image that can be used. */
      readonly imageSize: number;
    },
    /** Whether a CLIP can embed what is given as text or image. */
    readonly canGenerateEmbedding: boolean,
  ) {}

  /** What the stages of a decoder need; `startAtUnetNumber` above 1 starts from an image. */
  static ofDecoder(
    stages: readonly StageInfo[],
    startAtUnetNumber: number,
    canGenerateEmbedding: boolean,
  ): DataRequirements {
    const used = stages.slice(startAtUnetNumber - 1);
    const needs = {
      imageEmbedding: used.some(({ takesImageEmbed }) => takesImageEmbed),
      textEncoding: used.some(({ takesText }) => takesText),
      image: startAtUnetNumber > 1,
      imageSize: stages[Math.max(startAtUnetNumber - 2, 0)]?.imageSize ?? 0,
    };
    return new DataRequirements(needs, canGenerateEmbedding);
  }

  /** What is missing, one sentence each; nothing if `given` will do. */
  problems(given: DataGiven): string[] {
    const { imageEmbedding, textEncoding, image, imageSize: least } = this.needs;
    const canEmbed = this.canGenerateEmbedding;
    const { imageSize: size } = given;
    const problems: string[] = [];
    if (textEncoding && !given.textEncoding && !(canEmbed && given.text)) {
      problems.push(
        canEmbed
          ? "It was trained with text: give text or textEncoding."
          : `It was trained with text: give textEncoding${given.text ? ", as there is no CLIP that reads the text" : ""}.`,
      );
    }
    const mustEmbed = imageEmbedding && !given.imageEmbedding;
    if (mustEmbed && !(canEmbed && size !== undefined)) {
      problems.push(
        canEmbed
          ? "It draws an image embedding: give imageEmbed or images."
          : `It draws an image embedding: give imageEmbed${size === undefined ? "" : ", as there is no CLIP that sees the images"}.`,
      );
    }
    if (image && size === undefined) problems.push("It enlarges an image: give images.");
    const isUsed = image || (mustEmbed && canEmbed);
    if (isUsed && size !== undefined && size < least) {
      problems.push(`Images of at least ${least} pixels are needed; the smallest has ${size}.`);
    }
    return problems;
  }
}
