import { UnsupportedError } from "../../weights/unsupported-error.js";

/** Channels of each of `heads` heads. Throws `UnsupportedError` where they do not share `width` evenly, as torch does. */
export function headWidth(width: number, heads: number): number {
  if (width % heads === 0) return width / heads;
  throw new UnsupportedError(
    `a CLIP whose layer of ${width} channels has ${heads} heads: heads share channels evenly (does its config fit its weights?)`,
  );
}
