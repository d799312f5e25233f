import { Ajv } from "ajv";
import type * as z from "zod/mini";
import { cocaConfig, openAiClipConfig, xClipConfig } from "../../../src/models/clip/config/clip-config.js";
import { ConfigError, parseConfig } from "../../../src/config/config-error.js";
import { loadConfigJsonSchema } from "../../../src/config/json-schema.js";
import { ModelLoadConfig } from "../../../src/pipeline/load-config.js";
import { currentSchema } from "../../../src/pipeline/read-config.js";
import { parseJson as readJson } from "../../../src/config/read-json.js";
import { resolveDecoderConfig, resolvePriorConfig } from "../../../src/models/dalle2-pytorch/options.js";
import { trainDecoderConfig, trainPriorConfig } from "../../../src/models/dalle2-pytorch/train-config.js";
import { corpus, jsonFiles } from "../corpus.js";
import { made, mixed, type Inputs } from "../inputs.js";
import { utf8 } from "../mutators/bytes.js";
import { mutateJson, mutateJsonText, parseJson, printJson } from "../mutators/json.js";
import { promise, type LibraryError, type Target } from "../target.js";

const REFUSALS: readonly LibraryError[] = ["ConfigError", "FileError", "UnsupportedError"];

/** JSON files with faults in their values or in their text. */
export function jsonInputs(texts: readonly string[]): Inputs {
  const trees = texts.map(parseJson);
  return mixed(
    [6, made((random) => utf8(printJson(mutateJson(random.pick(trees), random))))],
    [1, made((random) => utf8(mutateJsonText(random.pick(texts), random)))],
  );
}

function jsonTarget(texts: readonly string[], run: (bytes: Uint8Array) => void, folder: string): Target {
  return { seeds: [...texts.map(utf8), ...corpus(folder)], inputs: jsonInputs(texts), refusals: REFUSALS, run };
}

export function loadConfig(): Target {
  const accepts = new Ajv({ strict: false }).compile(loadConfigJsonSchema(currentSchema()));
  const run = (bytes: Uint8Array): void => {
    const value = readJson(bytes, "config.json");
    const config = ModelLoadConfig.parse(value, "config.json");
    promise(accepts(value), "accepts what its JSON Schema does not");
    for (const { file } of config.files()) {
      config.describe(file);
      promise(!/[/\\]/.test(file.filename_override ?? ""), "accepts a filename_override with a folder");
    }
  };
  return jsonTarget([...jsonFiles("configs"), ...jsonFiles("configs/laion")], run, "load-config");
}

export function trainConfig(): Target {
  const run = (bytes: Uint8Array): void => {
    const value = readJson(bytes, "train.json");
    if (isRecord(value) && "prior" in value)
      resolvePriorConfig(parseConfig(trainPriorConfig, value, "train.json").prior);
    else resolveDecoderConfig(parseConfig(trainDecoderConfig, value, "train.json").decoder);
  };
  return jsonTarget(jsonFiles("configs/laion/train"), run, "train-config");
}

const CLIP_CONFIGS = [
  '{"model_cfg":{"embed_dim":8,"quick_gelu":true,"vision_cfg":{"image_size":8,"layers":2,"width":8,"patch_size":4,"head_width":4},"text_cfg":{"context_length":8,"vocab_size":9,"width":8,"heads":2,"layers":2}},"preprocess_cfg":{"mean":[0.4,0.4,0.4],"std":[0.2,0.2,0.2]}}',
  '{"text_config":{"hidden_act":"gelu","num_attention_heads":2},"vision_config":{"hidden_act":"quick_gelu","num_attention_heads":2},"projection_dim":8}',
  '{"dim_text":8,"dim_image":8,"dim_latent":8,"num_text_tokens":9,"text_enc_depth":1,"text_seq_len":8,"text_heads":2,"visual_enc_depth":1,"visual_heads":2,"visual_image_size":8,"visual_patch_size":4}',
  '{"dim":8,"num_tokens":9,"unimodal_depth":1,"img_encoder":{"make":"vit","dim":8,"patch_size":4,"depth":1,"heads":1,"mlp_dim":8},"image_size":8,"max_text_len":8}',
];

/** Published configs of CLIPs, each tested with the schema of every make. */
export function clipConfig(): Target {
  const run = (bytes: Uint8Array): void => {
    const value = readJson(bytes, "clip.json");
    const [first, ...others] = [openAiClipConfig, xClipConfig, cocaConfig].map((schema) => refusalOf(schema, value));
    const unexpected = others.find((error) => error && !(error instanceof ConfigError));
    if (unexpected) throw unexpected;
    if (first && !others.includes(undefined)) throw first;
  };
  return jsonTarget(CLIP_CONFIGS, run, "clip-config");
}

function refusalOf(schema: z.ZodMiniType, value: unknown): Error | undefined {
  try {
    parseConfig(schema, value, "clip.json");
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
