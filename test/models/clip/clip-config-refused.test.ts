import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cocaConfig, openAiClipConfig, xClipConfig } from "../../../src/models/clip/config/clip-config.js";
import { ConfigError, parseConfig } from "../../../src/config/config-error.js";
import { inferOpenAiClip } from "../../../src/models/clip/infer-openai.js";
import { openFixture } from "../../../src/models/open-fixture.js";
import { dalle2 } from "../../support/cli.js";
import { fixtureFolder } from "../../support/golden.js";

const parse = (value: unknown) => parseConfig(openAiClipConfig, value, "models.json", ["clip", "base_model_kwargs"]);

/** The error message for a refused config. */
function refusal(value: unknown, run: (given: unknown) => unknown = parse): string {
  try {
    run(value);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  throw new Error(`${JSON.stringify(value)} is not refused`);
}

describe("a key of open_clip's that is not computed", () => {
  it.each([
    ["text_cfg", { embed_cls: true }],
    ["text_cfg", { hf_model_name: "roberta-base" }],
    ["text_cfg", { hf_tokenizer_name: "bert-base-uncased" }],
    ["text_cfg", { tokenizer_kwargs: { clean: "canonicalize" } }],
    ["text_cfg", { pool_type: "none" }],
    ["text_cfg", { proj_type: "mlp" }],
    ["text_cfg", { qk_norm: true }],
    ["text_cfg", { correct_cls_mask: true }],
    ["text_cfg", { text_mask: "first" }],
    ["text_cfg", { text_arch: "modern" }],
    ["text_cfg", { act_kwargs: { approximate: "cubic" } }],
    ["text_cfg", { norm_kwargs: { momentum: 1 } }],
    ["vision_cfg", { attentional_pool: true }],
    ["vision_cfg", { attentional_pool: "parallel" }],
    ["vision_cfg", { pool_type: "none" }],
    ["vision_cfg", { input_patchnorm: true }],
    ["vision_cfg", { timm_model_name: "vit_base_mci_224" }],
    ["vision_cfg", { scaled_cosine_attn: true }],
    ["vision_cfg", { block_type: "parallel" }],
    ["vision_cfg", { norm_kwargs: { elementwise_affine: false } }],
    ["vision_cfg", { colour: "red" }],
  ])("%s %o is refused by name", (part, keys) => {
    const [key] = Object.keys(keys) as [string];
    for (const path of [[], ["model_cfg"]] as const) {
      const inner = { [part]: keys };
      const message = refusal(path.length === 0 ? inner : { model_cfg: inner });
      expect(message).toContain("models.json");
      expect(message).toContain(["clip.base_model_kwargs", ...path, part].join("."));
      expect(message).toContain(key);
    }
  });

  it("may stand there with the value that changes nothing", () => {
    const text = {
      embed_cls: false,
      hf_tokenizer_name: null,
      hf_model_name: null,
      hf_pooler_type: "mean_pooler",
      tokenizer_kwargs: null,
      qk_norm: false,
      pad_id: 7,
      output_tokens: true,
      final_ln_after_pool: true,
      act_kwargs: {},
      norm_kwargs: { elementwise_affine: true },
    };
    const vision = {
      attentional_pool: false,
      attn_pooler_heads: 12,
      timm_model_name: null,
      timm_pool: "avg",
      patch_dropout: 0.5,
      input_patchnorm: false,
      pos_embed_type: "sin_cos_2d",
      block_type: "default",
    };
    const model = { custom_text: true, init_logit_scale: 4.6, init_logit_bias: -10, multimodal_cfg: null };
    expect(() => parse({ model_cfg: { ...model, text_cfg: text, vision_cfg: vision } })).not.toThrow();
  });

  it("names a CoCa, and what may have been meant", () => {
    expect(refusal({ multimodal_cfg: { layers: 12 } })).toMatch(/clip\.base_model_kwargs\.multimodal_cfg.*CoCa/);
    expect(refusal({ text_cfg: { no_casual_mask: true } })).toMatch(/did you mean "no_causal_mask"\?/);
  });

  it("is refused if quick_gelu contradicts act_kwargs", () => {
    const both = { quick_gelu: true, text_cfg: { act_kwargs: { approximate: "tanh" } } };
    expect(refusal({ model_cfg: both })).toMatch(/model_cfg\.text_cfg\.act_kwargs.*quick_gelu/);
    expect(refusal(both)).toMatch(/text_cfg\.act_kwargs.*quick_gelu/);
  });
});

describe("a key of the transformers library's that is not computed", () => {
  it.each([
    ["text_config", { hidden_act: "mish" }, "hidden_act"],
    ["text_config", { pruned_heads: { "1": [0] } }, "pruned_heads"],
    ["vision_config", { num_channels: 4 }, "num_channels"],
    ["vision_config", { quantization_config: { bits: 4 } }, "quantization_config"],
    ["text_config_dict", { rope_theta: 1 }, "rope_theta"],
  ])("%s %o is refused by name", (part, keys, key) => {
    expect(refusal({ [part]: keys })).toMatch(new RegExp(`clip\\.base_model_kwargs\\.${part}.*${key}`));
  });

  it("may be there if the library or a tool left it, for any model", () => {
    const left = {
      _flash_attn_2_enabled: false,
      xla_device: true,
      unk_token_id: 3,
      cls_token_id: 4,
      mask_token_id: 5,
      "transformers.js_config": { dtype: "q8" },
    };
    expect(() => parse({ ...left, text_config: left, vision_config: left, model_type: "clip" })).not.toThrow();
  });

  it("is the type of another model", () => {
    expect(refusal({ model_type: "siglip", text_config: {}, vision_config: {} })).toMatch(/model_type: "siglip"/);
  });
});

describe("sizes that contradict the weights", () => {
  it.each([
    [{ vision_cfg: { image_size: 64 } }, /vision_cfg\.image_size: 64 contradicts the weights, which have 32/],
    [{ vision_cfg: { layers: 3 } }, /vision_cfg\.layers: 3 /],
    [{ vision_cfg: { layers: [3, 4, 6, 3] } }, /vision_cfg\.layers: \[3,4,6,3\] /],
    [{ vision_cfg: { mlp_ratio: 4 } }, /vision_cfg\.mlp_ratio: 4 contradicts the weights, which have 2\.4/],
    [{ vision_cfg: { patch_size: [8, 16] } }, /vision_cfg\.patch_size/],
    [{ model_cfg: { text_cfg: { context_length: 77 } } }, /model_cfg\.text_cfg\.context_length: 77 .* 11$/],
    [{ text_cfg: { vocab_size: 49408 } }, /text_cfg\.vocab_size/],
    [{ text_cfg: { heads: 5 } }, /the width of the text encoder, 32, is not divisible by its 5 heads/],
    [{ embed_dim: 512 }, /embed_dim: 512/],
    [{ projection_dim: 512 }, /projection_dim: 512/],
    [{ text_config: { hidden_size: 32, max_position_embeddings: 77 } }, /text_config\.max_position_embeddings: 77/],
    [{ vision_config: { num_attention_heads: 2, intermediate_size: 160 } }, /vision_config\.intermediate_size: 160/],
  ])("are refused: %o", async (kwargs, message) => {
    const fixture = await openFixture(fixtureFolder("clip-open-clip"));
    const source = await fixture.checkpoint();
    const infer = (given: unknown) =>
      inferOpenAiClip(source, { make: "open_clip", model: "mine" }, openAiClipConfig.parse(given), "models.json: clip");
    const found = refusal(kwargs, infer);
    expect(found).toMatch(message);
    expect(found).toMatch(/^models\.json: clip does not fit .*model\.safetensors/);
    await fixture.close();
  });

  it("may be said for both sides of a square", async () => {
    const fixture = await openFixture(fixtureFolder("clip-open-clip"));
    const config = openAiClipConfig.parse({ vision_cfg: { image_size: [32, 32], patch_size: [8, 8], mlp_ratio: 2.4 } });
    const options = inferOpenAiClip(await fixture.checkpoint(), { make: "open_clip", model: "mine" }, config);
    expect(options.vision).toMatchObject({ resolution: 32, patchSize: 8 });
    await fixture.close();
  });
});

describe("arguments of x-clip and CoCa", () => {
  const coca = {
    ...{ dim: 32, num_tokens: 64, unimodal_depth: 1, multimodal_depth: 1, image_size: 32, max_text_len: 16 },
    img_encoder: { make: "vit", dim: 32, patch_size: 8, depth: 1, heads: 2, mlp_dim: 64 },
  };
  const parseCoca = (value: unknown) => parseConfig(cocaConfig, value, "models.json", ["clip", "base_model_kwargs"]);
  const parseXClip = (value: unknown) => parseConfig(xClipConfig, value, "models.json", ["clip", "base_model_kwargs"]);

  it("are refused if they are unknown, or of another size", () => {
    expect(refusal({ text_depth: 3 }, parseXClip)).toMatch(/clip\.base_model_kwargs.*"text_depth".*"text_enc_depth"/);
    expect(refusal({ image_encoder: "vit" }, parseXClip)).toMatch(/image_encoder/);
    expect(refusal({ ...coca, norm: "rms" }, parseCoca)).toMatch(/"norm"/);
    const inner = { ...coca, img_encoder: { ...coca.img_encoder, pooling: "cls" } };
    expect(refusal(inner, parseCoca)).toMatch(/img_encoder: unknown key "pooling"/);
    const other = { ...coca, img_encoder: { ...coca.img_encoder, image_size: 64, channels: 3 } };
    expect(refusal(other, parseCoca)).toMatch(
      /img_encoder\.image_size: expected 32, as the CoCa itself has it, found 64/,
    );
  });

  it("may be those of training", () => {
    const training = { use_visual_ssl: true, visual_patch_dropout: 0.5, mlm_mask_prob: 0.15, use_mlm: true };
    expect(() => parseXClip({ ...training, text_pad_id: 1, visual_ssl: null })).not.toThrow();
    const encoder = { ...coca.img_encoder, num_classes: 1000, dropout: 0.1, image_size: 32, channels: 3 };
    expect(() => parseCoca({ ...coca, img_encoder: encoder, caption_loss_weight: 2, dim_latents: 8 })).not.toThrow();
  });
});

it("is named by dalle2 verify, with its file and place", async () => {
  const folder = await mkdtemp(join(tmpdir(), "clip-keys-"));
  try {
    await cp(fixtureFolder("clip-open-clip-control"), folder, { recursive: true });
    const file = join(folder, "fixture.json");
    const described = await readFile(file, "utf8");
    await writeFile(file, described.replace('"vocab_size"', '"causality": "none", "vocab_size"'));
    const { status, stdout } = dalle2(["verify", folder]);
    expect(status).toBe(1);
    expect(stdout).toContain(`${file} is not a valid configuration: clip.base_model_kwargs.model_cfg.text_cfg: `);
    expect(stdout).toContain('unknown key "causality"');
  } finally {
    await rm(folder, { recursive: true });
  }
});
