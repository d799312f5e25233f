import { ConfigError, parseConfig } from "../../../config/config-error.js";
import { cropCentre, type RgbImage } from "../../../image/image.js";
import { resizeBicubic, resizeBilinear, resizeLanczos } from "../../../image/pillow-resize.js";
import { ArgumentError } from "../../../platform/arguments.js";
import { imageProcessorConfig, type ImageProcessorConfig, type Resample } from "../config/image-processor-config.js";
import type { ImageStatistics } from "../image-input.js";

const RESIZE: Readonly<Record<Resample, typeof resizeBicubic>> = {
  1: resizeLanczos,
  2: resizeBilinear,
  3: resizeBicubic,
};

/** Most pixels of a resized image before it is cropped: 0.8 GB. */
const MAX_PIXELS = 2 ** 28;

/**
 * `CLIPImageProcessor` of the transformers library, the feature extractor of its pipelines: resizes and crops images as Pillow
 * does, in bytes, and normalises them.
 * @see https://github.com/huggingface/transformers/blob/d6751d91c8f58cdeb35af6adae182d7dc90aa883/src/transformers/models/clip/image_processing_clip.py#L52-L348
 */
export class ImageProcessor {
  /** Of images in [0, 1]. */
  readonly statistics: ImageStatistics;
  readonly #config: ImageProcessorConfig;

  /**
   * `value` is the content of a `preprocessor_config.json`, and `file` its name. Throws `ConfigError`, also if it does not give
   * squares of `imageSize` pixels.
   */
  constructor(value: unknown, file: string, imageSize: number) {
    const config = parseConfig(imageProcessorConfig, value, file);
    checkSquare(config, file, imageSize);
    this.#config = config;
    this.statistics = statisticsOf(config);
  }

  /** Resizes and crops an image. Throws `ArgumentError` if it is too narrow to be resized. */
  process(image: RgbImage): RgbImage {
    const { do_resize: resizes, do_center_crop: crops, crop_size: crop, resample } = this.#config;
    const [width, height] = resizes ? this.#resizedSides(image) : [image.width, image.height];
    if (width * height > MAX_PIXELS) {
      throw new ArgumentError(
        "image",
        `An image of ${image.width} × ${image.height} pixels is too narrow: resized for the image encoder, it has ` +
          `${width} × ${height} pixels.`,
        { advice: "crop it" },
      );
    }
    const resized = RESIZE[resample](image, width, height);
    return crops ? cropCentre(resized, crop.width, crop.height) : resized;
  }

  #resizedSides({ width, height }: RgbImage): readonly [width: number, height: number] {
    const { size } = this.#config;
    if ("height" in size) return [size.width, size.height];
    const { shortest_edge: short } = size;
    const long = Math.trunc((short * Math.max(width, height)) / Math.min(width, height));
    return width <= height ? [short, long] : [long, short];
  }
}

function checkSquare(
  { do_resize: resizes, size, do_center_crop: crops, crop_size: crop }: ImageProcessorConfig,
  file: string,
  side: number,
) {
  const isSquare = ({ width, height }: { readonly width: number; readonly height: number }) =>
    width === side && height === side;
  if (crops ? isSquare(crop) : resizes && "height" in size && isSquare(size)) return;
  const [key, found] = crops ? ["crop_size", crop] : ["do_center_crop", false];
  throw new ConfigError(
    `${file}: ${key}: ${JSON.stringify(found)} does not give images of ${side} × ${side} pixels, as the image encoder has them`,
  );
}

/** Mean and standard deviation of values in [0, 1], which may be scaled back before they are normalised. */
function statisticsOf(config: ImageProcessorConfig): ImageStatistics {
  const {
    do_rescale: rescales,
    rescale_factor: factor,
    do_normalize: normalises,
    image_mean: mean,
    image_std: std,
  } = config;
  const scale = 255 * (rescales ? factor : 1);
  const [means, stds] = normalises
    ? [mean, std]
    : [
        [0, 0, 0],
        [1, 1, 1],
      ];
  return { imageMean: means.map((value) => value / scale), imageStd: stds.map((value) => value / scale) };
}
