import type { RgbImage } from "../image/image.js";
import { InferenceScript, type CallOptions } from "./inference-script.js";

export interface ImageVariationOptions extends CallOptions {
  /** A text for each picture; needed where the decoder was trained with text. */
  readonly text?: string | readonly string[] | undefined;
  /** For all U-Nets, or for each. Default: that of the load config. */
  readonly condScale?: number | readonly number[] | undefined;
  /** Variations of each picture. Default 1. */
  readonly sampleCount?: number | undefined;
  /** Default 10. */
  readonly batchSize?: number | undefined;
  /** Sampling steps of the U-Nets. Default: that of the load config. */
  readonly timesteps?: number | readonly (number | null)[] | undefined;
}

/** Image to image (dalle2-laion's script of that name): CLIP embeds pictures, and the decoder draws what it saw in them. */
export class ImageVariation extends InferenceScript {
  /** Variations by index of the picture. */
  run(images: readonly RgbImage[], { text, ...options }: ImageVariationOptions = {}): Promise<Map<number, RgbImage[]>> {
    return this.sampleDecoder({ ...options, images, text: typeof text === "string" ? [text] : text });
  }
}
