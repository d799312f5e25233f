import { describe, expect, it } from "vitest";
import { openAiClipConfig, type OpenAiClipConfig } from "../../../src/models/clip/config/clip-config.js";
import { ConfigError } from "../../../src/config/config-error.js";
import { openAiModelUrl } from "../../../src/models/clip/openai-models.js";
import { inferOpenAiClip } from "../../../src/models/clip/infer-openai.js";
import { bareTextMask, textMasks } from "../../../src/models/clip/text-mask.js";
import { TensorEntry } from "../../../src/weights/tensor-entry.js";
import { UnsupportedError } from "../../../src/weights/unsupported-error.js";
import { WeightError } from "../../../src/weights/weight-error.js";

const END = 49407;

/** A state dict with only shapes. */
function source(shapes: Readonly<Record<string, readonly number[]>>) {
  const entries = Object.entries(shapes).map(([name, shape]): [string, TensorEntry] => [
    name,
    new TensorEntry(name, "F16", shape, () => Promise.reject(new Error("only headers are needed"))),
  ]);
  return { name: "clip.pth", tensors: new Map(entries) };
}

describe("text masks", () => {
  // A zero before the end token is a tokenized "!", and the second end token is padding of other tokenizers.
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

describe("bare text masks", () => {
  it("keep tokens other than zero, and everything before 0.20.0", () => {
    expect(bareTextMask("eosAndNe0")(Int32Array.of(5, 0, END, 0))).toEqual([1, 0, 1, 0]);
    expect(bareTextMask("ne0Raw")(Int32Array.of(5, 0))).toEqual([1, 1]);
  });
});

describe("inferOpenAiClip", () => {
  const blocks = (prefix: string, count: number, mlpWidth: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`${prefix}transformer.resblocks.${i}.mlp.c_fc.weight`, [mlpWidth, 1]]),
    );

  const text = (width: number, layers: number, embedDim: number) => ({
    positional_embedding: [77, width],
    "token_embedding.weight": [49408, width],
    "ln_final.weight": [width],
    text_projection: [width, embedDim],
    ...blocks("", layers, 4 * width),
  });

  const vit = (width: number, layers: number, mlpWidth = 4 * width) => ({
    "visual.conv1.weight": [width, 3, 14, 14],
    "visual.positional_embedding": [257, width],
    ...blocks("visual.", layers, mlpWidth),
  });

  const vitL14 = { ...text(768, 12, 768), ...vit(1024, 24) };
  const openai = { make: "openai", model: "ViT-L/14" } as const;

  it("tells ViT-L/14 from its shapes", () => {
    expect(inferOpenAiClip(source(vitL14), openai)).toEqual({
      embedDim: 768,
      vision: {
        kind: "vit",
        resolution: 224,
        patchSize: 14,
        width: 1024,
        layers: 24,
        heads: 16,
        mlpWidth: 4096,
        activation: "quickGelu",
        eps: 1e-5,
        layerScale: false,
        pooling: "class",
        normBeforePooling: false,
        normPre: true,
      },
      text: {
        width: 768,
        layers: 12,
        heads: 12,
        mlpWidth: 3072,
        activation: "quickGelu",
        eps: 1e-5,
        layerScale: false,
        causal: true,
        pooling: { kind: "highest" },
        projection: "matrix",
      },
      contextLength: 77,
      vocabSize: 49408,
      imageMean: [0.48145466, 0.4578275, 0.40821073],
      imageStd: [0.26862954, 0.26130258, 0.27577711],
    });
  });

  // openai/CLIP: RN50x4 has stages of 4, 6, 10 and 6 bottlenecks, 80 channels and images of 288 pixels.
  it("tells RN50x4 from its shapes", () => {
    const stages = [4, 6, 10, 6].flatMap((count, stage) =>
      Array.from({ length: count }, (_, i) => [`visual.layer${stage + 1}.${i}.conv1.weight`, [80, 1, 1, 1]] as const),
    );
    const resnet = {
      ...text(640, 12, 640),
      ...Object.fromEntries(stages),
      "visual.attnpool.positional_embedding": [82, 2560],
    };
    expect(inferOpenAiClip(source(resnet), { make: "openai", model: "RN50x4" }).vision).toEqual({
      kind: "resnet",
      resolution: 288,
      width: 80,
      layers: [4, 6, 10, 6],
      heads: 40,
    });
  });

  it("gives narrow transformers one head", () => {
    const narrow = { ...text(32, 2, 32), ...vit(48, 2) };
    expect(inferOpenAiClip(source(narrow), openai)).toMatchObject({ text: { heads: 1 }, vision: { heads: 1 } });
  });

  // Heads of open_clip's model configs: ViT-H-14 80 wide, ViT-g-14 88 with an MLP of 6144, ViT-bigG-14 104.
  it.each([
    [1280, 5120, 16],
    [1408, 6144, 16],
    [1664, 8192, 16],
  ])("gives open_clip's transformers of width %i, MLP %i, %i heads", (width, mlpWidth, heads) => {
    const wide = source({ ...text(1024, 24, 1024), ...vit(width, 32, mlpWidth) });
    const expected = { text: { heads: 16, activation: "gelu" }, vision: { heads, mlpWidth, activation: "gelu" } };
    expect(inferOpenAiClip(wide, { make: "open_clip", model: "ViT-H-14" })).toMatchObject(expected);
    // Files of the transformers library may have either make.
    expect(inferOpenAiClip(wide, openai)).toMatchObject(expected);
  });

  it("takes the activation of open_clip's models from their names and configs", () => {
    const activation = (model: string, config?: OpenAiClipConfig) =>
      inferOpenAiClip(source(vitL14), { make: "open_clip", model }, config).text.activation;
    expect(activation("ViT-L-14")).toBe("gelu");
    expect(activation("ViT-L-14-quickgelu")).toBe("quickGelu");
    expect(activation("ViT-L-14", { quick_gelu: true })).toBe("quickGelu");
    expect(activation("ViT-L-14-quickgelu", { model_cfg: { quick_gelu: false } })).toBe("gelu");
  });

  it("takes what configs state", () => {
    const openClip = { vision_cfg: { head_width: 128 }, text_cfg: { heads: 6 } };
    const preprocess = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;
    const stated = { model_cfg: openClip, preprocess_cfg: { mean: [...preprocess.mean], std: [...preprocess.std] } };
    const config = openAiClipConfig.parse(stated);
    expect(inferOpenAiClip(source(vitL14), { make: "open_clip", model: "ViT-L-14" }, config)).toMatchObject({
      text: { heads: 6 },
      vision: { heads: 8 },
      imageMean: preprocess.mean,
      imageStd: preprocess.std,
    });
    const transformers = openAiClipConfig.parse({
      text_config: { hidden_act: "gelu", num_attention_heads: 24 },
      vision_config: { hidden_act: "quick_gelu", num_attention_heads: 32 },
    });
    expect(inferOpenAiClip(source(vitL14), openai, transformers)).toMatchObject({
      text: { heads: 24, activation: "gelu" },
      vision: { heads: 32, activation: "quickGelu" },
    });
  });

  it("says what another model lacks, and that timm's encoders do not run", () => {
    expect(() => inferOpenAiClip(source({}), openai)).toThrow(WeightError);
    expect(() => inferOpenAiClip(source({}), openai)).toThrow("visual.conv1.weight");
    const timm = { "visual.trunk.patch_embed.proj.weight": [1024, 3, 14, 14] };
    expect(() => inferOpenAiClip(source(timm), openai)).toThrow(UnsupportedError);
  });
});

describe("openAiModelUrl", () => {
  it("names the published file and its checksum", () => {
    const { url, sha256 } = openAiModelUrl("ViT-L/14");
    expect(sha256).toBe("b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836");
    expect(url).toBe(`https://openaipublic.azureedge.net/clip/models/${sha256}/ViT-L-14.pt`);
  });

  it("lists the names that there are", () => {
    expect(() => openAiModelUrl("ViT-H-14")).toThrow(ConfigError);
    expect(() => openAiModelUrl("ViT-H-14")).toThrow("RN50x64, ViT-B/32");
  });
});
