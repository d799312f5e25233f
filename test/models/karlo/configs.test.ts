import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/config/config-error.js";
import { decoderOptions } from "../../../src/models/karlo/config/decoder-config.js";
import { priorOptions } from "../../../src/models/diffusers/config/prior-config.js";
import { unclipSchedulerOptions } from "../../../src/models/diffusers/config/unclip-scheduler-config.js";
import { superResolutionOptions } from "../../../src/models/karlo/config/super-resolution-config.js";
import { textProjectionOptions } from "../../../src/models/karlo/config/text-projection-config.js";
import { fullSizeKarlo } from "../../support/full-size-karlo.js";

const reference = fullSizeKarlo();
const configOf = (component: string) => reference.get(component)!.config;

type Parse = (config: object) => unknown;
const parsers = {
  prior: (config) => priorOptions({ ...config }, "prior/config.json"),
  decoder: (config) => decoderOptions({ ...configOf("decoder"), ...config }, "decoder/config.json"),
  superResolution: (config) =>
    superResolutionOptions({ ...configOf("super_res_first"), ...config }, "super_res/config.json"),
  textProjection: (config) => textProjectionOptions({ time_embed_dim: 8, cross_attention_dim: 8, ...config }, "t.json"),
  scheduler: (config) => unclipSchedulerOptions(config, "scheduler_config.json"),
} as const satisfies Record<string, Parse>;

describe.each<[keyof typeof parsers, readonly [object, RegExp][]]>([
  [
    "prior",
    [
      [{ norm_in_type: "group" }, /norm_in_type: expected "layer", found "group"/],
      [{ embedding_proj_norm_type: "batch" }, /embedding_proj_norm_type: expected "layer"/],
      [{ encoder_hid_proj_type: "conv" }, /encoder_hid_proj_type: expected "linear", found "conv"/],
      [{ added_emb_type: "dot" }, /added_emb_type: expected "prd", found "dot"/],
      [{ time_embed_act_fn: "tanh" }, /time_embed_act_fn: expected "silu" or .*"mish".*found "tanh"/],
      [{ num_attention_heads: 0 }, /num_attention_heads: expected/],
      [{ _class_name: "Transformer2DModel" }, /_class_name: expected "PriorTransformer", found "Transformer2DModel"/],
      [{ num_layer: 3 }, /unknown key "num_layer"; did you mean "num_layers"\?/],
    ],
  ],
  [
    "decoder",
    [
      [
        { down_block_types: ["CrossAttnDownBlock2D"] },
        /down_block_types\[0\]: expected .*found "CrossAttnDownBlock2D"/,
      ],
      [{ up_block_types: ["UpBlock2D"] }, /up_block_types\[0\]: expected .*found "UpBlock2D"/],
      [{ mid_block_type: "UNetMidBlock2DCrossAttn" }, /mid_block_type: expected "UNetMidBlock2DSimpleCrossAttn"/],
      [{ mid_block_type: null }, /mid_block_type: missing/],
      [{ class_embed_type: "projection" }, /class_embed_type: expected "identity", found "projection"/],
      [{ class_embed_type: null }, /class_embed_type: missing/],
      [{ addition_embed_type: "image" }, /addition_embed_type: "image" is not supported: decoders of other pipelines/],
      [{ encoder_hid_dim: 768 }, /encoder_hid_dim: 768 is not supported/],
      [{ time_embedding_type: "fourier" }, /time_embedding_type: "fourier" is not supported, only "positional"/],
      [{ act_fn: "mish" }, /act_fn: "mish" is not supported, only "silu" or "swish"/],
      [{ resnet_out_scale_factor: 2 }, /resnet_out_scale_factor: 2 is not supported, only 1/],
      [{ mid_block_scale_factor: 1.4 }, /mid_block_scale_factor: 1.4 is not supported/],
      [{ resnet_time_scale_shift: "ada_group" }, /resnet_time_scale_shift: expected "default" or "scale_shift"/],
      [{ cross_attention_norm: "layer_norm" }, /cross_attention_norm: "layer_norm" is not supported/],
      [{ num_attention_heads: 8 }, /num_attention_heads: 8 is not supported/],
      [{ dual_cross_attention: true }, /dual_cross_attention: true is not supported/],
      [{ conv_in_kernel: 4 }, /conv_in_kernel: expected an odd number, found 4/],
      [{ layers_per_block: [1, 2] }, /layers_per_block: 2 entries, but block_out_channels has 4/],
      [{ attention_head_dim: [8] }, /attention_head_dim: 1 entries, but/],
      [{ only_cross_attention: [true] }, /only_cross_attention: 1 entries, but/],
      [{ attention_head_dim: 2000 }, /attention_head_dim: 2000 is more than the channels of its block/],
      [{ attention_head_dim: [64, 700, 64, 64] }, /attention_head_dim: 700 is more than/],
      [{ norm_num_groups: 48 }, /norm_num_groups: 48 is no divisor of 320 in block_out_channels/],
      [{ cross_attention_dim: [8, 8, 8, 16] }, /cross_attention_dim: different widths/],
      [{ out_channels: 4 }, /out_channels: 4, but in_channels is 3: it must be as many, or twice as many$/],
      [{ sample_size: [64, 32] }, /sample_size: expected/],
      [{ freeu: true }, /unknown key "freeu"/],
    ],
  ],
  [
    "superResolution",
    [
      [{ down_block_types: ["AttnDownBlock2D"] }, /down_block_types\[0\]: expected "ResnetDownsampleBlock2D"/],
      [{ up_block_types: ["AttnUpBlock2D"] }, /up_block_types\[0\]: expected "ResnetUpsampleBlock2D"/],
      [{ mid_block_type: "UNetMidBlock3D" }, /mid_block_type: expected "UNetMidBlock2D"/],
      [{ class_embed_type: "timestep" }, /class_embed_type: "timestep" is not supported/],
      [{ num_class_embeds: 10 }, /num_class_embeds: 10 is not supported/],
      [{ in_channels: 3 }, /in_channels: 3 leaves none for the smaller image beside the 3 of out_channels/],
      [{ add_attention: true, attention_head_dim: 2000 }, /attention_head_dim: 2000 is more than the 1280 channels/],
      [{ add_attention: true, attn_norm_num_groups: 7 }, /attn_norm_num_groups: 7 is no divisor of the 1280 channels/],
      [{ layers_per_block: [1, 1, 1, 1] }, /layers_per_block: expected/],
    ],
  ],
  [
    "textProjection",
    [
      [{ time_embed_dim: null }, /time_embed_dim: missing/],
      [{ clip_extra_context_tokens: 0 }, /clip_extra_context_tokens: expected/],
    ],
  ],
  [
    "scheduler",
    [
      [{ variance_type: "fixed_large" }, /variance_type: expected "fixed_small_log" or "learned_range"/],
      [{ prediction_type: "v_prediction" }, /prediction_type: expected "epsilon" or "sample"/],
      [{ beta_schedule: "linear" }, /beta_schedule: expected "squaredcos_cap_v2", found "linear"/],
      [{ num_train_timesteps: 1 }, /num_train_timesteps: expected at least 2/],
      [{ thresholding: true }, /unknown key "thresholding"/],
    ],
  ],
])("the config of a %s", (name, cases) => {
  it.each(cases)("refuses %o", (config, message) => {
    expect(() => parsers[name](config)).toThrow(ConfigError);
    expect(() => parsers[name](config)).toThrow(message);
  });

  it("names its file, and takes keys that do not change the result", () => {
    expect(() => parsers[name]({ nonsense: 1 })).toThrow(/\.json is not a valid configuration/);
    expect(() => parsers[name]({ _diffusers_version: "0.11.0", _name_or_path: "x" })).not.toThrow();
  });
});

describe("options", () => {
  it("of a prior have diffusers' defaults, also for keys that are null", () => {
    const karlo = priorOptions({}, "");
    expect(karlo).toEqual({
      heads: 32,
      dimHead: 64,
      layers: 20,
      embedDim: 768,
      textTokens: 77,
      additionalTokens: 4,
      timeActivation: "silu",
      timeDim: 2048,
      normIn: false,
      normTextEmbed: false,
      textEmbedDim: 768,
      projectsText: true,
      hasPredictionToken: true,
      outputDim: 768,
    });
    const empty = { time_embed_dim: null, embedding_proj_dim: null, clip_embed_dim: null, norm_in_type: null };
    expect(priorOptions(empty, "")).toEqual(karlo);
    const none = priorOptions({ encoder_hid_proj_type: null, added_emb_type: null }, "");
    expect([none.projectsText, none.hasPredictionToken]).toEqual([false, false]);
  });

  it("of a decoder take lists, and the middle follows a single value", () => {
    const parse = (config: object) => parsers.decoder(config);
    expect(parse({ only_cross_attention: true })).toMatchObject({ midContextOnly: true });
    expect(parse({ only_cross_attention: [true, true, true, true] })).toMatchObject({ midContextOnly: false });
    expect(parse({ layers_per_block: [1, 2, 3, 4], attention_head_dim: [4, 4, 8, 8] })).toMatchObject({
      layers: [1, 2, 3, 4],
      dimHead: [4, 4, 8, 8],
    });
    expect(parse({ time_embedding_dim: 99 })).toMatchObject({ timeDim: 99 });
    expect(parse({ sample_size: null })).toMatchObject({ sampleSize: undefined });
  });

  it("of a super-resolution U-Net norm before attention only where diffusers does", () => {
    const attention = (config: object) => parsers.superResolution({ add_attention: true, ...config });
    expect(attention({})).toMatchObject({ attention: { dimHead: 8, groups: 32 } });
    expect(attention({ resnet_time_scale_shift: "scale_shift" })).toMatchObject({ attention: { groups: undefined } });
    expect(attention({ attn_norm_num_groups: 16, attention_head_dim: null })).toMatchObject({
      attention: { dimHead: 1280, groups: 16 },
    });
  });
});
