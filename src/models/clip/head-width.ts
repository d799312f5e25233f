import { UnsupportedError } from "../../weights/unsupported-error.js";

/** Channels of each of `heads` heads. Throws `UnsupportedError` if `width` is not divisible by `heads`, as in torch. */
export function headWidth(width: number, heads: number): number {
  if (width % heads === 0) return width / heads;
  throw new UnsupportedError(
    `a CLIP with a layer of ${width} channels, which is not divisible by its ${heads} heads; check that its config fits its weights`,
  );
}
