import { cleanText } from "../../../src/tokenizer/clean.js";
import { tokenizeBare, tokenizeOpenAi } from "../../../src/tokenizer/tokenize.js";
import { corpus } from "../corpus.js";
import { made } from "../inputs.js";
import { decodeUtf16, encodeUtf16, randomText } from "../mutators/text.js";
import { promise, type Target } from "../target.js";

const VOCABULARY = 49_408;
const ROWS = [
  { tokenize: tokenizeOpenAi, length: 77 },
  { tokenize: tokenizeBare, length: 256 },
] as const;

/** Prompts in UTF-16, because a prompt may contain half of a surrogate pair. */
export function tokenizer(): Target {
  const texts = [
    "a red circle",
    "Ã©tÃ© &amp;amp; ï¬\x81n",
    "&" + "amp;".repeat(10_000),
    "Â".repeat(20_000),
    "漢字".repeat(5000),
    "a".repeat(40_000),
    " ".repeat(40_000) + "x",
  ];
  return {
    seeds: [...texts.map(encodeUtf16), ...corpus("tokenizer")],
    inputs: made((random) => encodeUtf16(randomText(random))),
    refusals: [],
    run: (bytes) => checkText(decodeUtf16(bytes)),
  };
}

async function checkText(text: string): Promise<void> {
  const options = { warn: () => undefined };
  for (const { tokenize, length } of ROWS) {
    const [row] = await tokenize([text], options);
    promise(row?.length === length, `a row of ${row?.length} tokens`);
    promise(
      row.every((token) => token >= 0 && token < VOCABULARY),
      "a token that is not in the vocabulary",
    );
    if (text.length >= 200) continue;
    const [again] = await tokenize([text], options);
    promise(again!.join() === row.join(), "other tokens the second time");
  }
  const clean = cleanText(text);
  promise(!/\p{Surrogate}/u.test(clean), "leaves half a character");
  promise(!/^\s|\s\s|\s$/u.test(clean), "leaves white space that it should remove");
  promise(clean === clean.toLowerCase(), "leaves an upper-case letter");
}
