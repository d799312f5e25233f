import { z } from "zod";
import { encode } from "../tokenizer/bpe.js";
import { tokenizeOpenAi } from "../tokenizer/tokenize.js";
import type { Runner } from "../fixture/runner.js";
import { EXACT } from "../fixture/result.js";

const tokens = z.array(z.int().nonnegative());
const info = z.looseObject({ cases: z.array(z.object({ text: z.string(), bpe: tokens, openai: tokens })) });

/**
 * Verifies that tokens are equal to those of dalle2_pytorch, and to those of `clip.tokenize` with start and end tokens.
 */
export const verifyTokenizer: Runner = (fixture) => {
  const { cases } = fixture.info(info);
  const outputs = cases.flatMap(({ text, bpe, openai }) => {
    // Truncation is part of the fixture.
    const [row] = tokenizeOpenAi([text], { contextLength: openai.length, warn: () => undefined });
    const name = JSON.stringify(text);
    return [
      { name: `bpe of ${name}`, actual: encode(text), expected: bpe, tolerance: EXACT },
      { name: `openai of ${name}`, actual: row!, expected: openai, tolerance: EXACT },
    ];
  });
  return Promise.resolve(outputs);
};
