import * as z from "zod/mini";
import { loadEncode } from "../tokenizer/bpe.js";
import { tokenizeOpenAi } from "../tokenizer/tokenize.js";
import type { Runner } from "../fixture/runner.js";
import { EXACT, type Output } from "../fixture/result.js";

const tokens = z.array(z.int().check(z.nonnegative()));
const info = z.looseObject({ cases: z.array(z.object({ text: z.string(), bpe: tokens, openai: tokens })) });

/**
 * Verifies that tokens are equal to those of dalle2_pytorch, and to those of `clip.tokenize` with start and end tokens.
 */
export const verifyTokenizer: Runner = async (fixture) => {
  const { cases } = fixture.info(info);
  const encode = await loadEncode();
  const outputs: Output[] = [];
  for (const { text, bpe, openai } of cases) {
    // Truncation is part of the fixture.
    const [row] = await tokenizeOpenAi([text], { contextLength: openai.length, warn: () => undefined });
    const name = JSON.stringify(text);
    outputs.push(
      { name: `bpe of ${name}`, actual: encode(text), expected: bpe, tolerance: EXACT },
      { name: `openai of ${name}`, actual: row!, expected: openai, tolerance: EXACT },
    );
  }
  return outputs;
};
