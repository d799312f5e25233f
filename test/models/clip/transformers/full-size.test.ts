import { describe, expect, it } from "vitest";
import {
  visionModelOptions,
  TransformersImageEncoder,
} from "../../../../src/models/clip/transformers/image-encoder.js";
import { ImageProcessor } from "../../../../src/models/clip/transformers/image-processor.js";
import { textModelOptions, TransformersTextEncoder } from "../../../../src/models/clip/transformers/text-encoder.js";
import { fromTransformers } from "../../../../src/models/clip/transformers-names.js";
import { ClipTokenizer } from "../../../../src/tokenizer/clip-tokenizer.js";
import { fitProblems } from "../../../../src/weights/fit.js";
import type { Weights } from "../../../../src/weights/store.js";
import { TensorEntry } from "../../../../src/weights/tensor-entry.js";
import { WeightStore } from "../../../../src/weights/weight-store.js";
import { openTestArena } from "../../../support/gpu.js";

type Shapes = ReadonlyMap<string, readonly number[]>;

/** Names and shapes of the layers of `CLIPEncoder`. */
function layers(path: string, count: number, width: number, inner: number): [string, number[]][] {
  const linear = (name: string, outputs: number, inputs: number): [string, number[]][] => [
    [`${name}.weight`, [outputs, inputs]],
    [`${name}.bias`, [outputs]],
  ];
  const norm = (name: string): [string, number[]][] => [
    [`${name}.weight`, [width]],
    [`${name}.bias`, [width]],
  ];
  return Array.from({ length: count }, (_, i) => `${path}.encoder.layers.${i}`).flatMap((layer) => [
    ...norm(`${layer}.layer_norm1`),
    ...["q", "k", "v", "out"].flatMap((one) => linear(`${layer}.self_attn.${one}_proj`, width, width)),
    ...norm(`${layer}.layer_norm2`),
    ...linear(`${layer}.mlp.fc1`, inner, width),
    ...linear(`${layer}.mlp.fc2`, width, inner),
  ]);
}

const TEXT: Shapes = new Map([
  ["text_model.embeddings.token_embedding.weight", [49408, 768]],
  ["text_model.embeddings.position_embedding.weight", [77, 768]],
  ...layers("text_model", 12, 768, 3072),
  ["text_model.final_layer_norm.weight", [768]],
  ["text_model.final_layer_norm.bias", [768]],
  ["text_projection.weight", [768, 768]],
]);

const IMAGE: Shapes = new Map([
  ["vision_model.embeddings.class_embedding", [1024]],
  ["vision_model.embeddings.patch_embedding.weight", [1024, 3, 14, 14]],
  ["vision_model.embeddings.position_embedding.weight", [257, 1024]],
  ...["pre_layrnorm", "post_layernorm"].flatMap((norm): [string, number[]][] => [
    [`vision_model.${norm}.weight`, [1024]],
    [`vision_model.${norm}.bias`, [1024]],
  ]),
  ...layers("vision_model", 24, 1024, 4096),
  ["visual_projection.weight", [768, 1024]],
]);

// The published configs of Karlo, without keys of training and of generating text.
const TEXT_CONFIG = {
  architectures: ["CLIPTextModelWithProjection"],
  bos_token_id: 0,
  eos_token_id: 2,
  hidden_act: "quick_gelu",
  hidden_size: 768,
  intermediate_size: 3072,
  layer_norm_eps: 1e-5,
  max_position_embeddings: 77,
  model_type: "clip_text_model",
  num_attention_heads: 12,
  num_hidden_layers: 12,
  pad_token_id: 1,
  projection_dim: 768,
  torch_dtype: "float32",
  vocab_size: 49408,
};
const IMAGE_CONFIG = {
  architectures: ["CLIPVisionModelWithProjection"],
  hidden_act: "quick_gelu",
  hidden_size: 1024,
  image_size: 224,
  intermediate_size: 4096,
  layer_norm_eps: 1e-5,
  model_type: "clip_vision_model",
  num_attention_heads: 16,
  num_channels: 3,
  num_hidden_layers: 24,
  patch_size: 14,
  projection_dim: 768,
  torch_dtype: "float32",
};

const NO_TEXT = { start: 0, end: 0, unknown: 0, padding: 0, added: new Map<string, number>() };
const tokens = { tokenizer: new ClipTokenizer({ ids: new Map(), merges: [], ...NO_TEXT }), maxLength: 77 };
const processor = new ImageProcessor({}, "preprocessor_config.json", 224);

// Numbers of tensors and of parameters: the sizes of the published files.
describe.each([
  [
    "text",
    TEXT,
    { tensors: 197, parameters: 123_650_304 },
    (root: Weights) => new TransformersTextEncoder(root, textModelOptions(TEXT_CONFIG, "config.json"), tokens),
  ],
  [
    "image",
    IMAGE,
    { tensors: 392, parameters: 303_966_208 },
    (root: Weights) => new TransformersImageEncoder(root, visionModelOptions(IMAGE_CONFIG, "config.json"), processor),
  ],
] as const)("the %s encoder of Karlo", (what, shapes, size, declare) => {
  const problemsOf = async (file: Shapes) => {
    const tensors = new Map([...file].map(([name, shape]) => [name, new TensorEntry(name, "F32", shape)]));
    using store = new WeightStore(await openTestArena(), fromTransformers({ name: "model.safetensors", tensors }));
    declare(store.root);
    return fitProblems([store]);
  };

  it("has these tensors", async () => {
    const parameters = [...shapes.values()].map((shape) => shape.reduce((product, axis) => product * axis, 1));
    expect({ tensors: shapes.size, parameters: parameters.reduce((sum, one) => sum + one, 0) }).toEqual(size);
    expect(await problemsOf(shapes)).toBeUndefined();
  });

  it("may come with position_ids, and needs each other tensor", async () => {
    const ids = `${what === "text" ? "text" : "vision"}_model.embeddings.position_ids`;
    expect(await problemsOf(new Map([...shapes, [ids, [1, 77]]]))).toBeUndefined();
    expect(await problemsOf(new Map())).toMatchObject({
      missing: expect.arrayContaining([...shapes.keys()]) as string[],
    });
    expect(await problemsOf(new Map([...shapes, ["lm_head.weight", [1]]]))).toMatchObject({
      unused: ["lm_head.weight"],
    });
  });
});
