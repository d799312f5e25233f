/** How an adapter distinguishes text from padding: see `textMasks`. */
export type ClipTextMask = "ne0Raw" | "ne0" | "eos" | "eosAndNe0";

/** The behaviour of the adapters in a version. */
export interface ClipDialect {
  readonly clipTextMask: ClipTextMask;
}

/** The behaviour of the current adapters. Versions differ, but agree for texts with an end token. */
export const CURRENT_CLIP_DIALECT: ClipDialect = { clipTextMask: "eosAndNe0" };

/** Which text positions an adapter keeps: 0 or 1 for each token of a row. */
export type MaskOfTokens = (tokens: Int32Array, endToken: number) => number[];

/** The same for texts without an end token. */
export type MaskOfBareTokens = (tokens: Int32Array) => number[];

const everywhere: MaskOfBareTokens = (tokens) => Array.from(tokens, () => 1);

/** The mask of adapters before 0.22.0: every token except 0. */
export const notZero: MaskOfBareTokens = (tokens) => Array.from(tokens, (token) => (token === 0 ? 0 : 1));

/** 1 up to and including the first end token, or everywhere if there is none. */
const upToEnd: MaskOfTokens = (tokens, endToken) => {
  const end = tokens.indexOf(endToken);
  return Array.from(tokens, (_, i) => (end < 0 || i <= end ? 1 : 0));
};

/**
 * How the adapters of OpenAI's CLIP distinguish text from padding in each version of DALLE2-pytorch.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L354-L368
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L249-L263
 */
export const textMasks: Readonly<Record<ClipTextMask, MaskOfTokens>> = {
  ne0Raw: everywhere,
  ne0: notZero,
  eos: upToEnd,
  eosAndNe0: (tokens, endToken) => {
    const isText = notZero(tokens);
    return upToEnd(tokens, endToken).map((keep, i) => keep * isText[i]!);
  },
};

/** The same for the adapters of x-clip and CoCa, which have no end tokens. */
export function bareTextMask(rule: ClipTextMask): MaskOfBareTokens {
  return rule === "ne0Raw" ? everywhere : notZero;
}
