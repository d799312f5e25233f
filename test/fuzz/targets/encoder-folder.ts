import { parseJson as readJson } from "../../../src/config/read-json.js";
import type { FileFolder } from "../../../src/files/folder/file-folder.js";
import { makeImage } from "../../../src/image/image.js";
import { visionModelOptions } from "../../../src/models/clip/transformers/image-encoder.js";
import { ImageProcessor } from "../../../src/models/clip/transformers/image-processor.js";
import { textModelOptions } from "../../../src/models/clip/transformers/text-encoder.js";
import { readTokenizer } from "../../../src/models/clip/transformers/tokenizer.js";
import { FileError } from "../../../src/platform/errors.js";
import { isRecord } from "../../../src/platform/objects.js";
import { MemorySource } from "../../../src/platform/source.js";
import { utf8 } from "../mutators/bytes.js";
import { promise, type Target } from "../target.js";
import { jsonInputs } from "./configs.js";

/** The small files of a folder of encoders, as one JSON object: their contents, by their paths. */
const FOLDER = {
  "tokenizer/vocab.json": { "!": 0, a: 1, b: 2, "a</w>": 3, "b</w>": 4, "ab</w>": 5, "<start>": 6, "<end>": 7 },
  "tokenizer/merges.txt": "#version: 0.2\na b</w>\na b\n",
  "tokenizer/special_tokens_map.json": { bos_token: { content: "<start>", lstrip: false }, pad_token: "!" },
  "tokenizer/tokenizer_config.json": {
    eos_token: "<end>",
    unk_token: { content: "<end>", special: true },
    model_max_length: 9,
    additional_special_tokens: ["ab"],
    tokenizer_class: "CLIPTokenizer",
  },
  "text_encoder/config.json": {
    architectures: ["CLIPTextModelWithProjection"],
    eos_token_id: 2,
    hidden_act: "quick_gelu",
    hidden_size: 8,
    layer_norm_eps: 1e-5,
    num_attention_heads: 2,
    vocab_size: 8,
  },
  "image_encoder/config.json": { hidden_act: "gelu", hidden_size: 8, image_size: 4, patch_size: 2, num_channels: 3 },
  "feature_extractor/preprocessor_config.json": {
    crop_size: { height: 4, width: 4 },
    do_center_crop: true,
    do_resize: true,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.2, 0.2, 0.2],
    resample: 3,
    size: { shortest_edge: 4 },
  },
};
const NEWER = {
  ...FOLDER,
  "tokenizer/tokenizer_config.json": {
    added_tokens_decoder: { 0: { content: "!", special: true }, 8: { content: "<b>", rstrip: false } },
    bos_token: "<start>",
    eos_token: "<end>",
    unk_token: "<end>",
    pad_token: "!",
  },
  "feature_extractor/preprocessor_config.json": { crop_size: 4, size: 4, do_rescale: false },
};

/** What the encoders of a model folder read beside their weights. */
export function encoderFolder(): Target {
  const texts = [FOLDER, NEWER].map((folder) => JSON.stringify(folder));
  return {
    seeds: texts.map(utf8),
    inputs: jsonInputs(texts),
    refusals: ["ConfigError", "FileError", "UnsupportedError"],
    run: async (bytes) => {
      const files = readJson(bytes, "folder.json");
      const folder = folderOf(isRecord(files) ? files : {});
      await checkTokens(folder);
      textModelOptions(await read(folder, "text_encoder/config.json"), "text_encoder/config.json");
      checkPixels(
        await read(folder, "image_encoder/config.json"),
        await read(folder, "feature_extractor/preprocessor_config.json"),
      );
    },
  };
}

function folderOf(files: Readonly<Record<string, unknown>>): FileFolder {
  return {
    name: "folder",
    has: (path) => Promise.resolve(Object.hasOwn(files, path)),
    open: (path) => {
      const content = files[path];
      if (content === undefined) {
        return Promise.reject(new FileError(path, "no such file", { code: "file/not-found" }));
      }
      const text = typeof content === "string" ? content : JSON.stringify(content);
      return Promise.resolve(new MemorySource(utf8(text), path));
    },
  };
}

async function read(folder: FileFolder, path: string): Promise<unknown> {
  const source = await folder.open(path);
  return readJson(await source.read(0, source.size), path);
}

async function checkTokens(folder: FileFolder): Promise<void> {
  const { tokenizer, maxLength } = await readTokenizer(folder, "tokenizer");
  const length = Math.min(maxLength, 77);
  const rows = tokenizer.tokenize(["", "ab! AB <start>ba<b>", "x é".repeat(40)], length, { warn: () => undefined });
  for (const row of rows) promise(row.length >= 2 && row.length <= length, `a row of ${row.length} tokens`);
  promise(
    rows.flatMap((row) => [...row]).every((token) => token >= 0),
    "a token below zero",
  );
}

function checkPixels(config: unknown, extractor: unknown): void {
  const { resolution: side } = visionModelOptions(config, "image_encoder/config.json").vision;
  const processor = new ImageProcessor(extractor, "preprocessor_config.json", side);
  const { width, height, data } = processor.process(makeImage(5, 3, 3, new Uint8Array(45).fill(200)));
  promise(width === side && height === side, `an image of ${width} × ${height} pixels`);
  promise(data.length === 3 * side * side, `${data.length} bytes`);
  const { imageMean, imageStd } = processor.statistics;
  promise([...imageMean, ...imageStd].every(Number.isFinite), "statistics that are not numbers");
}
