/** How an adapter tells text from padding: see `textMasks`. */
export type ClipTextMask = "ne0Raw" | "ne0" | "eos" | "eosAndNe0";

/** What the adapters of a version do that a CLIP is seen through. */
export interface ClipDialect {
  readonly clipTextMask: ClipTextMask;
}

/** What the adapters of today do. They changed from version to version; for texts with an end token all of them agree. */
export const CURRENT_CLIP_DIALECT: ClipDialect = { clipTextMask: "eosAndNe0" };

/** Which text positions an adapter keeps, per token 0 or 1, given one row of tokens. */
export type MaskOfTokens = (tokens: Int32Array, endToken: number) => number[];

/** The same where texts have no end token. */
export type MaskOfBareTokens = (tokens: Int32Array) => number[];

const everywhere: MaskOfBareTokens = (tokens) => Array.from(tokens, () => 1);

/** What adapters before 0.22.0 handed on beside the encodings: every token but 0. */
export const notZero: MaskOfBareTokens = (tokens) => Array.from(tokens, (token) => (token === 0 ? 0 : 1));

/** 1 up to and including the first end token, and everywhere if there is none. */
const upToEnd: MaskOfTokens = (tokens, endToken) => {
  const end = tokens.indexOf(endToken);
  return Array.from(tokens, (_, i) => (end < 0 || i <= end ? 1 : 0));
};

/**
 * How the adapters of OpenAI's CLIP in each version of DALLE2-pytorch tell text from padding.
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

/** How the adapters of x-clip and CoCa do, which know no end tokens. */
export function bareTextMask(rule: ClipTextMask): MaskOfBareTokens {
  return rule === "ne0Raw" ? everywhere : notZero;
}
