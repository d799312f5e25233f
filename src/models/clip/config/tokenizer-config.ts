/** `tokenizer_config.json` and `special_tokens_map.json` of a `CLIPTokenizer` in the transformers library (4.x). */
import * as z from "zod/mini";
import { knownKeys, only, type HarmlessKeys } from "../../../config/known-keys.js";

/** A token id, which is a row of a table. */
const tokenId = z.int().check(z.minimum(0), z.maximum(2 ** 31 - 1));
const no = (why: string) => only(false, why);
const CUT = "tokens that are cut out of a text in another way than as they are written";

/** A special token: its text, or an object with it. */
const specialToken = z.union([
  z.string().check(z.minLength(1)),
  knownKeys(
    {
      content: z.string().check(z.minLength(1)),
      lstrip: no(CUT),
      rstrip: no(CUT),
      single_word: no(CUT),
      id: z.optional(tokenId),
    },
    { "of normalising, which this tokenizer does not do to such tokens": ["normalized", "special", "__type"] },
  ),
]);
export type SpecialToken = z.output<typeof specialToken>;

const specialTokens = {
  bos_token: z.optional(specialToken),
  eos_token: z.optional(specialToken),
  unk_token: z.optional(specialToken),
  pad_token: z.optional(specialToken),
  sep_token: z.optional(specialToken),
  cls_token: z.optional(specialToken),
  mask_token: z.optional(specialToken),
  additional_special_tokens: z.optional(z.array(specialToken)),
};

export const specialTokensMap = knownKeys(specialTokens);

const HARMLESS: HarmlessKeys = {
  "its origin, and names of files": [
    "name_or_path",
    "auto_map",
    "processor_class",
    "special_tokens_map_file",
    "tokenizer_file",
    "vocab_file",
    "merges_file",
    "added_tokens_file",
  ],
  "read by other tokenizers, or when tokens become text": [
    "add_prefix_space",
    "chat_template",
    "clean_up_tokenization_spaces",
    "errors",
    "legacy",
    "spaces_between_special_tokens",
    "use_fast",
  ],
  "which CLIPTokenizer ignores: it always lower-cases": ["do_lower_case"],
  "of callers, which unCLIP pipelines give themselves": [
    "max_length",
    "model_input_names",
    "pad_to_multiple_of",
    "pad_token_type_id",
    "padding",
    "stride",
    "truncation",
    "truncation_strategy",
    "verbose",
  ],
};

export const tokenizerConfig = knownKeys(
  {
    ...specialTokens,
    added_tokens_decoder: z.optional(z.record(z.string().check(z.regex(/^\d{1,9}$/)), specialToken)),
    extra_special_tokens: only([{}, []], "special tokens by names of their own"),
    // A file may have Python's largest number, which stands for "no limit".
    model_max_length: z.optional(z.number().check(z.minimum(2))),
    padding_side: only("right", "padding in front of a text"),
    truncation_side: only("right", "truncation of the beginning of a text"),
    split_special_tokens: no("special tokens that are split"),
    tokenizer_class: only(["CLIPTokenizer", "CLIPTokenizerFast"], "another tokenizer than CLIP's"),
  },
  HARMLESS,
);

/** `vocab.json`: the token id of each symbol. */
export const vocabularyFile = z.record(z.string(), tokenId);
