import { describe, expect, it } from "vitest";
import { inferOpenAiClip } from "../src/models/clip/openai-options.js";
import { textMasks } from "../src/models/clip/text-mask.js";
import { TensorEntry } from "../src/weights/tensor-entry.js";
import { UnsupportedError } from "../src/weights/unsupported-error.js";
import { WeightError } from "../src/weights/weight-error.js";

const END = 49407;

describe("text masks", () => {
  // A zero before the end token is a "!" that was tokenised, and the second end token is padding of other tokenisers.
  const tokens = Int32Array.of(49406, 5, 0, END, 0, END, 0);

  it.each([
    ["ne0Raw", [1, 1, 1, 1, 1, 1, 1]],
    ["ne0", [1, 1, 0, 1, 0, 1, 0]],
    ["eos", [1, 1, 1, 1, 0, 0, 0]],
    ["eosAndNe0", [1, 1, 0, 1, 0, 0, 0]],
  ] as const)("%s", (rule, expected) => {
    expect(textMasks[rule](tokens, END)).toEqual(expected);
  });

  it("keep every position of a text without an end token", () => {
    expect(textMasks.eos(Int32Array.of(5, 6, 0), END)).toEqual([1, 1, 1]);
    expect(textMasks.eosAndNe0(Int32Array.of(5, 6, 0), END)).toEqual([1, 1, 0]);
  });
});

describe("inferOpenAiClip", () => {
  function source(shapes: Readonly<Record<string, readonly number[]>>) {
    const entries = Object.entries(shapes).map(([name, shape]): [string, TensorEntry] => [
      name,
      new TensorEntry(name, "F16", shape, () => Promise.reject(new Error("only headers are needed"))),
    ]);
    return { name: "clip.pth", tensors: new Map(entries) };
  }

  const blocks = (prefix: string, count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`${prefix}transformer.resblocks.${i}.attn.in_proj_bias`, [1]]),
    );

  // Shapes of OpenAI's ViT-L/14.
  const vitL14 = {
    "visual.conv1.weight": [1024, 3, 14, 14],
    "visual.positional_embedding": [257, 1024],
    positional_embedding: [77, 768],
    "token_embedding.weight": [49408, 768],
    "ln_final.weight": [768],
    text_projection: [768, 768],
    ...blocks("visual.", 24),
    ...blocks("", 12),
  };

  it("tells ViT-L/14 from its shapes", () => {
    expect(inferOpenAiClip(source(vitL14))).toEqual({
      embedDim: 768,
      imageResolution: 224,
      visionLayers: 24,
      visionWidth: 1024,
      visionHeads: 16,
      visionPatchSize: 14,
      contextLength: 77,
      vocabSize: 49408,
      transformerWidth: 768,
      transformerHeads: 12,
      transformerLayers: 12,
    });
  });

  it("gives narrow transformers one head", () => {
    const narrow = { ...vitL14, "ln_final.weight": [32], "visual.conv1.weight": [64, 3, 8, 8] };
    expect(inferOpenAiClip(source(narrow))).toMatchObject({ transformerHeads: 1, visionHeads: 1 });
  });

  it("says that a ResNet is not supported, and what another model lacks", () => {
    const resnet = { ...vitL14, "visual.layer1.0.conv1.weight": [64, 64, 1, 1] };
    expect(() => inferOpenAiClip(source(resnet))).toThrow(UnsupportedError);
    expect(() => inferOpenAiClip(source({}))).toThrow(WeightError);
    expect(() => inferOpenAiClip(source({}))).toThrow("visual.conv1.weight");
  });
});
