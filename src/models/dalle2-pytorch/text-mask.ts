/** For each sample 1 or 0 for each of its text encodings, 0 being padding; `nonZero`: rows of zeros are padding. */
export type TextMask = readonly (readonly number[])[] | "nonZero";
