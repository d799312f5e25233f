/** Inpainting masks from images of masks. A mask is row-major; true means that the pixel is kept. */
import { checkArguments, oneOf } from "../platform/arguments.js";
import type { Image } from "./image.js";
import { warnOnConsole } from "../platform/printable.js";

/**
 * What of a mask image counts: red above 128 is kept, as dalle2-laion reads masks; or alpha above 128, so that what is
 * transparent is drawn anew, as OpenAI's image edits mean it; or luma (brightness) above 128, for masks in colours.
 */
export type MaskChannel = "red" | "alpha" | "luma";

export const MASK_CHANNELS = ["red", "alpha", "luma"] as const satisfies readonly MaskChannel[];

/** How a mask image is read. */
export interface MaskOptions {
  /** Default "red". */
  readonly channel?: MaskChannel | undefined;
  /** Keeps what would be drawn anew, and the reverse. */
  readonly invert?: boolean | undefined;
  /** Takes what is said where another channel seems to be meant. Default `console.warn`. */
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
 * The mask of a mask image. Warns where the image has another channel by which a mask is meant, it seems (see
 * `maskAdvice`). Throws `ArgumentError` for a channel that is none.
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
 * The mask of a mask image by its red alone, as dalle2-laion reads it, without a word.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/utils.py#L37-L44
 */
export function maskFromRed(image: Image): boolean[] {
  return above(image, "red");
}

/**
 * What to say of a mask image whose `channel` keeps everything, or nothing, while another one parts its pixels; or whose
 * alpha, which is not used, tells other pixels apart. Undefined where all is well. `optionOf` writes the option that
 * chooses a channel.
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
  const parting = others.filter(([, mask]) => !isUniform(mask)).map(([other]) => other);
  if (!isUniform(chosen)) {
    const alpha = others.find(([other, mask]) => other === "alpha" && !isUniform(mask))?.[1];
    // Where it is opaque and what the channel keeps are the same, or it was cut out of more: nothing else can be meant.
    if (!alpha || alpha.every((opaque, i) => opaque === chosen[i])) return undefined;
    return `its alpha channel varies and is not used, only its ${channel} is. ${HINTS.alpha(optionOf("alpha"))}`;
  }
  // Alpha first: without it a transparent part has no colour to go by.
  const other = parting.includes("alpha") ? "alpha" : parting[0];
  const said = `its ${channel} is ${chosen[0] ? "above" : "at most"} ${THRESHOLD} everywhere`;
  if (other === undefined) return channel === "alpha" ? undefined : faintAlpha(image, said);
  return `${said}; its ${other}, which varies, is not used. ${HINTS[other](optionOf(other))}`;
}

const HINTS: Readonly<Record<MaskChannel, (option: string) => string>> = {
  alpha: (option) =>
    `${option} keeps what is opaque and draws what is transparent anew, as masks for OpenAI's image edits mean it.`,
  red: (option) => `${option} keeps what is red or white, and draws the rest anew.`,
  luma: (option) => `${option} keeps what is bright, and draws what is dark anew.`,
};

/** What to add where alpha varies, but on one side of the threshold only, so that no channel parts the pixels. */
function faintAlpha(image: Image, said: string): string | undefined {
  let [least, most] = [255, 0];
  for (let pixel = 0; pixel < image.width * image.height; pixel++) {
    const alpha = VALUES.alpha(image, pixel);
    least = Math.min(least, alpha);
    most = Math.max(most, alpha);
  }
  if (least === most) return undefined;
  const side = least > THRESHOLD ? "above" : "at most";
  return `${said}; its alpha varies from ${least} to ${most}, ${side} ${THRESHOLD} everywhere, and is not used.`;
}

/** What to say of a mask that keeps every pixel, or none. */
export function describeUniform(mask: ArrayLike<boolean | number>): string | undefined {
  if (!isUniform(mask)) return undefined;
  return mask[0]
    ? "keeps every pixel, so that the image comes back as it was"
    : "keeps no pixel, so that the whole image is drawn anew";
}

function isUniform(mask: ArrayLike<boolean | number>): boolean {
  for (let i = 1; i < mask.length; i++) if (Boolean(mask[i]) !== Boolean(mask[0])) return false;
  return true;
}

function above(image: Image, channel: MaskChannel): boolean[] {
  const value = VALUES[channel];
  return Array.from({ length: image.width * image.height }, (_, pixel) => value(image, pixel) > THRESHOLD);
}
