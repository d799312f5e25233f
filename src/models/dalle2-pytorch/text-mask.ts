import type { TextMaskRows } from "../interfaces.js";

/** Which text encodings are text and which are padding. `nonZero`: rows of zeros are padding. */
export type TextMask = TextMaskRows | "nonZero";
