/** Inpainting masks from mask images. A mask is row-major; true means that the pixel is kept. */
import { checkArguments, oneOf } from "../platform/arguments.js";
import type { Image } from "./image.js";
import { warnOnConsole } from "../platform/printable.js";

/**
 * The channel of a mask image that is read: pixels above 128 are kept. "red" is what dalle2-laion reads. With "alpha",
 * transparent pixels are generated, as in OpenAI's image edits. "luma" is the brightness, for masks in colours.
 */
export type MaskChannel = "red" | "alpha" | "luma";

export const MASK_CHANNELS = ["red", "alpha", "luma"] as const satisfies readonly MaskChannel[];

/** Options for reading a mask image. */
export interface MaskOptions {
  /** Default "red". */
  readonly channel?: MaskChannel | undefined;
  /** Swaps kept and generated pixels. Default: false. */
  readonly invert?: boolean | undefined;
  /** Called with a warning if another channel seems to be the mask. Default `console.warn`. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

const THRESHOLD = 128;

const MASK_RULES = { channel: oneOf(...MASK_CHANNELS) };

const VALUES: Readonly<Record<MaskChannel, (image: Image, pixel: number) => number>> = {
  red: ({ data, channels }, pixel) => data[pixel * channels]!,
  alpha: ({ data, channels }, pixel) => (channels === 4 ? data[pixel * 4 + 3]! : 255),
  // Pillow's convert("L"): ITU-R 601-2 in 16-bit fixed point.
  luma: ({ data, channels }, pixel) => {
    const at = pixel * channels;
    return (data[at]! * 19595 + data[at + 1]! * 38470 + data[at + 2]! * 7471 + 0x8000) >> 16;
  },
};

/**
 * Returns the mask of a mask image. Warns if another channel seems to be the mask (see `maskAdvice`). Throws
 * `ArgumentError` for an unknown channel.
 */
export function maskFromImage(image: Image, options: MaskOptions = {}): boolean[] {
  checkArguments(MASK_RULES, options);
  const { channel = "red", invert = false, onWarning = warnOnConsole } = options;
  const advice = maskAdvice(image, { channel }, (other) => `channel: ${JSON.stringify(other)}`);
  if (advice !== undefined) onWarning(`The mask: ${advice}`);
  const mask = above(image, channel);
  return invert ? mask.map((keep) => !keep) : mask;
}

/**
 * Returns the mask in the red channel, as dalle2-laion reads it, without warnings.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/utils.py#L37-L44
 */
export function maskFromRed(image: Image): boolean[] {
  return above(image, "red");
}

/**
 * Returns a warning about a mask image if its `channel` keeps all pixels or none while another channel varies, or if
 * its alpha, which is not used, is a different mask. Otherwise returns undefined. `optionOf` writes the option that
 * selects a channel.
 */
export function maskAdvice(
  image: Image,
  { channel = "red" }: Pick<MaskOptions, "channel">,
  optionOf: (channel: MaskChannel) => string,
): string | undefined {
  const chosen = above(image, channel);
  const others = MASK_CHANNELS.filter((other) => other !== channel).map(
    (other) => [other, above(image, other)] as const,
  );
  const varying = others.filter(([, mask]) => !isUniform(mask)).map(([other]) => other);
  if (!isUniform(chosen)) {
    const alpha = others.find(([other, mask]) => other === "alpha" && !isUniform(mask))?.[1];
    // If exactly the kept pixels are opaque, both channels agree. If alpha is uniform, it is not a mask.
    if (!alpha || alpha.every((opaque, i) => opaque === chosen[i])) return undefined;
    return `its alpha channel varies, but only its ${channel} channel is used. ${HINTS.alpha(optionOf("alpha"))}`;
  }
  // Alpha first: transparent pixels have no meaningful colour.
  const other = varying.includes("alpha") ? "alpha" : varying[0];
  const problem = `its ${channel} channel is ${chosen[0] ? "above" : "at most"} ${THRESHOLD} everywhere`;
  if (other === undefined) return channel === "alpha" ? undefined : adviceOnUniformAlpha(image, problem);
  return `${problem}; its ${other} channel varies, but is not used. ${HINTS[other](optionOf(other))}`;
}

const HINTS: Readonly<Record<MaskChannel, (option: string) => string>> = {
  alpha: (option) =>
    `${option} keeps opaque pixels and generates transparent ones, as in masks for OpenAI's image edits.`,
  red: (option) => `${option} keeps red and white pixels and generates the others.`,
  luma: (option) => `${option} keeps bright pixels and generates dark ones.`,
};

/** Returns a warning if alpha varies, but only on one side of the threshold, so that no channel is a mask. */
function adviceOnUniformAlpha(image: Image, problem: string): string | undefined {
  let [least, most] = [255, 0];
  for (let pixel = 0; pixel < image.width * image.height; pixel++) {
    const alpha = VALUES.alpha(image, pixel);
    least = Math.min(least, alpha);
    most = Math.max(most, alpha);
  }
  if (least === most) return undefined;
  const side = least > THRESHOLD ? "above" : "at most";
  return `${problem}; its alpha channel varies from ${least} to ${most}, ${side} ${THRESHOLD} everywhere, and is not used.`;
}

/** Describes a mask that keeps every pixel or none; undefined for other masks. */
export function describeUniform(mask: ArrayLike<boolean | number>): string | undefined {
  if (!isUniform(mask)) return undefined;
  return mask[0]
    ? "keeps every pixel, so the image does not change"
    : "keeps no pixel, so the whole image is generated";
}

function isUniform(mask: ArrayLike<boolean | number>): boolean {
  for (let i = 1; i < mask.length; i++) if (Boolean(mask[i]) !== Boolean(mask[0])) return false;
  return true;
}

function above(image: Image, channel: MaskChannel): boolean[] {
  const value = VALUES[channel];
  return Array.from({ length: image.width * image.height }, (_, pixel) => value(image, pixel) > THRESHOLD);
}
