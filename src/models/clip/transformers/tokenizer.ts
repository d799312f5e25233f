import * as z from "zod/mini";
import { ConfigError, parseConfig } from "../../../config/config-error.js";
import type { FileFolder } from "../../../files/folder/file-folder.js";
import { FileError } from "../../../platform/errors.js";
import { excerpt } from "../../../platform/printable.js";
import { ClipTokenizer } from "../../../tokenizer/clip-tokenizer.js";
import { END_WORD, START_WORD } from "../../../tokenizer/words.js";
import { UnsupportedError } from "../../../weights/unsupported-error.js";
import { componentConfig, componentText, type ComponentConfig } from "../../diffusers/component-files.js";
import { specialTokensMap, tokenizerConfig, vocabularyFile, type SpecialToken } from "../config/tokenizer-config.js";

/** Most merges that are read: those of OpenAI's vocabulary, which has 49408 tokens. */
const MAX_MERGES = 49408 - 512 - 2;

/** The tokenizer in a folder. */
export interface FolderTokenizer {
  readonly tokenizer: ClipTokenizer;
  /** Most tokens of a text; infinite if its files give no limit. */
  readonly maxLength: number;
}

/**
 * Reads a component `CLIPTokenizer` from `vocab.json`, `merges.txt`, `tokenizer_config.json` and `special_tokens_map.json`; the
 * last two may be missing. Rejects with `FileError`, or with `ConfigError` for a file that is not such a one, and
 * for options that are not supported.
 */
export async function readTokenizer(folder: FileFolder, component: string): Promise<FolderTokenizer> {
  const vocabulary = await readVocabulary(folder, component);
  const ids = new Map(Object.entries(parseConfig(vocabularyFile, vocabulary.value, vocabulary.name)));
  const merges = parseMerges(await componentText(folder, component, "merges.txt"));
  const { special, added, maxLength } = await readSpecialTokens(folder, component);
  const idOf = (text: string): number => {
    const id = added.get(text) ?? ids.get(text);
    if (id !== undefined) return id;
    throw new ConfigError(`${vocabulary.name} has no id of the special token ${JSON.stringify(excerpt(text))}`);
  };
  const tokenizer = new ClipTokenizer({
    ids,
    merges,
    start: idOf(special.start),
    end: idOf(special.end),
    unknown: idOf(special.unknown),
    padding: idOf(special.padding),
    added: new Map([...added.keys(), ...special.all].map((text) => [text, idOf(text)])),
  });
  return { tokenizer, maxLength };
}

async function readVocabulary(folder: FileFolder, component: string): Promise<ComponentConfig> {
  try {
    return await componentConfig(folder, component, "vocab.json");
  } catch (error) {
    const isMissing = error instanceof FileError && error.code === "file/not-found";
    if (!isMissing || !(await folder.has(`${component}/tokenizer.json`))) throw error;
    throw new UnsupportedError(
      `${folder.name}: ${component} has only a tokenizer.json, but no vocab.json, which CLIPTokenizer reads; save it with ` +
        "CLIPTokenizer.save_pretrained",
    );
  }
}

/** The pairs in `merges.txt`, whose first line is a comment. */
function parseMerges(text: string): (readonly [left: string, right: string])[] {
  const lines = text
    .trim()
    .split(/\r?\n/)
    .slice(1, 1 + MAX_MERGES);
  return lines.map((line) => {
    const parts = line.split(/\s+/);
    // No text has an empty symbol, so that other lines join nothing.
    return parts.length === 2 ? [parts[0]!, parts[1]!] : ["", ""];
  });
}

/**
 * The special tokens, and the ids of added ones that the config lists. If it lists none, as configs before version 4.34, those
 * of `special_tokens_map.json` count more than its own.
 * @see https://github.com/huggingface/transformers/blob/d6751d91c8f58cdeb35af6adae182d7dc90aa883/src/transformers/tokenization_utils_base.py#L2420-L2500
 */
async function readSpecialTokens(folder: FileFolder, component: string) {
  const config = await readIfAny(folder, component, "tokenizer_config.json", tokenizerConfig);
  const { added_tokens_decoder: added, model_max_length: maxLength = Infinity } = config;
  const map = added ? {} : await readIfAny(folder, component, "special_tokens_map.json", specialTokensMap);
  const { bos_token, eos_token, unk_token, pad_token, sep_token, cls_token, mask_token } = { ...config, ...map };
  const named = {
    start: textOf(bos_token ?? START_WORD),
    end: textOf(eos_token ?? END_WORD),
    unknown: textOf(unk_token ?? END_WORD),
    padding: textOf(pad_token ?? END_WORD),
  };
  const others = [config, map].flatMap((one) => one.additional_special_tokens ?? []);
  const rest = [sep_token, cls_token, mask_token, ...others].filter((token) => token !== undefined);
  return {
    special: { ...named, all: [...Object.values(named), ...rest.map(textOf)] },
    added: new Map(Object.entries(added ?? {}).map(([id, token]) => [textOf(token), Number(id)])),
    maxLength,
  };
}

async function readIfAny<Schema extends z.ZodMiniType>(
  folder: FileFolder,
  component: string,
  file: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  const path = `${component}/${file}`;
  const has = await folder.has(path);
  const { value, name } = has ? await componentConfig(folder, component, file) : { value: {}, name: path };
  return parseConfig(schema, value, name);
}

function textOf(token: SpecialToken): string {
  return typeof token === "string" ? token : token.content;
}
