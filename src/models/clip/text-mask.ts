import type { NetworkDialect } from "../../weights/dialect-flags.js";

/** Which text positions an adapter keeps, per token 0 or 1, given one row of tokens. */
export type TextMask = (tokens: Int32Array, endToken: number) => number[];

/** 1 up to and including the first end token, and everywhere if there is none. */
const upToEnd: TextMask = (tokens, endToken) => {
  const end = tokens.indexOf(endToken);
  return Array.from(tokens, (_, i) => (end < 0 || i <= end ? 1 : 0));
};

const notZero: TextMask = (tokens) => Array.from(tokens, (token) => (token === 0 ? 0 : 1));

/** How the CLIP adapters of each version of DALLE2-pytorch tell text from padding. */
export const textMasks: Readonly<Record<NetworkDialect["clipTextMask"], TextMask>> = {
  ne0Raw: (tokens) => Array.from(tokens, () => 1),
  ne0: notZero,
  eos: upToEnd,
  eosAndNe0: (tokens, endToken) => {
    const isText = notZero(tokens, endToken);
    return upToEnd(tokens, endToken).map((keep, i) => keep * isText[i]!);
  },
};
