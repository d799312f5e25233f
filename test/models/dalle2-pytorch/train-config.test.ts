import type * as z from "zod/mini";
import { describe, expect, it } from "vitest";
import { ConfigError, parseConfig } from "../../../src/config/config-error.js";
import {
  resolveDecoderConfig,
  resolvePriorConfig,
  resolveUnetConfig,
} from "../../../src/models/dalle2-pytorch/options.js";
import type { DecoderOptions } from "../../../src/models/dalle2-pytorch/options.js";
import {
  decoderConfig,
  describeIgnored,
  priorConfig,
  trainDecoderConfig,
  trainPriorConfig,
  unetConfig,
} from "../../../src/models/dalle2-pytorch/train-config.js";

const unet = { dim: 8, dim_mults: [1, 2], image_embed_dim: 32, text_embed_dim: 24 };

function decoder(fields: Record<string, unknown>): DecoderOptions {
  return resolveDecoderConfig(parseConfig(decoderConfig, fields, "test"));
}

describe("unetConfig", () => {
  it("applies the constructor's defaults and expands scalars to all stages", () => {
    const options = resolveUnetConfig(parseConfig(unetConfig, unet, "test"));
    expect(options).toMatchObject({
      condDim: 8,
      initDim: null,
      channelsOut: 3,
      numImageTokens: 4,
      numTimeTokens: 2,
      selfAttn: [false, false],
      resnetGroups: [8, 8],
      numResnetBlocks: [2, 2],
      attnDimHead: 32,
      attnHeads: 16,
      maxTextLen: 256,
      initCrossEmbed: true,
      initCrossEmbedKernelSizes: [3, 7, 15],
      pixelShuffleUpsample: true,
      finalConvKernelSize: 1,
    });
  });

  it("reads what pydantic stores: flags as 0 and 1, null for what was not given, unknown keys", () => {
    const stored = {
      ...unet,
      self_attn: [0, 1],
      cond_on_text_encodings: null,
      cond_dim: null,
      max_text_len: null,
      colour: "red",
    };
    const parsed = parseConfig(unetConfig, stored, "test");
    expect(parsed.colour).toBe("red");
    expect(resolveUnetConfig(parsed)).toMatchObject({
      selfAttn: [false, true],
      condOnTextEncodings: false,
      condDim: 8,
      maxTextLen: 256,
    });
  });

  it.each([
    [{ self_attn: [true] }, /unet\.self_attn has 1 entries, but must have 1 or 2/],
    [{ num_resnet_blocks: [1, 2, 3] }, /unet\.num_resnet_blocks has 3 entries/],
    [{ cond_on_image_embeds: true, image_embed_dim: null }, /image_embed_dim is missing/],
    [{ cond_on_text_encodings: true, text_embed_dim: null }, /text_embed_dim is missing/],
  ])("refuses what the reference cannot run: %o", (fields, message) => {
    const config = parseConfig(unetConfig, { ...unet, ...fields }, "test");
    expect(() => resolveUnetConfig(config)).toThrow(message);
  });

  it("names source and path of every fault in one error", () => {
    const config = {
      decoder: { unets: [unet, { dim: "big", dim_mults: [1, -2], self_attn: "yes" }], image_sizes: [16, 32] },
    };
    expect(() => parseConfig(trainDecoderConfig, config, "decoder.json")).toThrow(ConfigError);
    expect(() => parseConfig(trainDecoderConfig, config, "decoder.json")).toThrow(
      /decoder\.json is not[^]*decoder\.unets\[1\]\.dim: [^]*decoder\.unets\[1\]\.dim_mults\[1\]: [^]*decoder\.unets\[1\]\.self_attn: expected one value or a list/,
    );
  });
});

describe("resolveDecoderConfig", () => {
  it("overrides each U-Net's place in the cascade", () => {
    const second = {
      ...unet,
      lowres_cond: false,
      cond_on_image_embeds: true,
      channels: 7,
      cond_on_text_encodings: true,
    };
    const { stages } = decoder({ unets: [{ ...unet, lowres_cond: true }, second], image_sizes: [32, 16] });
    expect(stages[0]).toMatchObject({
      imageSize: 16,
      unet: { lowresCond: false, condOnImageEmbeds: true, condOnTextEncodings: false, channels: 3, channelsOut: 6 },
    });
    expect(stages[1]).toMatchObject({
      imageSize: 32,
      unet: { lowresCond: true, condOnImageEmbeds: false, condOnTextEncodings: true, channels: 3, channelsOut: 3 },
    });
  });

  it("turns off all conditioning if the decoder is unconditional", () => {
    const { stages } = decoder({
      unets: [{ ...unet, cond_on_text_encodings: true }],
      image_size: 16,
      unconditional: true,
    });
    expect(stages[0]!.unet).toMatchObject({ condOnImageEmbeds: false, condOnTextEncodings: false });
  });

  it.each([
    [true, [true, false, false]],
    [false, [false, false, false]],
    [
      [true, true],
      [true, true, false],
    ],
    [
      [false, true, true],
      [false, true, true],
    ],
    [
      [1, 0, 1],
      [true, false, true],
    ],
  ])("learned_variance %o covers %o", (given, expected) => {
    const { stages } = decoder({ unets: [unet, unet, unet], image_sizes: [8, 16, 32], learned_variance: given });
    expect(stages.map((s) => s.learnedVariance)).toEqual(expected);
    expect(stages.map((s) => s.unet.channelsOut)).toEqual(expected.map((learned) => (learned ? 6 : 3)));
  });

  it.each([
    [1, ["cosine"]],
    [2, ["cosine", "linear"]],
    [3, ["cosine", "cosine", "linear"]],
  ])("the default schedules of %i U-Nets are %o", (count, expected) => {
    const sizes = [8, 16, 32].slice(0, count);
    const options = decoder({ unets: sizes.map(() => unet), image_sizes: sizes });
    expect(options.stages.map((s) => s.betaSchedule)).toEqual(expected);
  });

  it("spreads one schedule, one step count and one objective over all U-Nets", () => {
    const shared = { beta_schedule: "sigmoid", sample_timesteps: 20, predict_v: true };
    const options = decoder({ unets: [unet, unet], image_sizes: [8, 16], ...shared });
    const stage = { betaSchedule: "sigmoid", sampleTimesteps: 20, objective: "v" };
    expect(options.stages).toMatchObject([stage, stage]);
  });

  it("keeps null steps (DDPM) in a list and lets v take precedence over x0", () => {
    const lists = { sample_timesteps: [5, null], predict_x_start: true, predict_v: [true, false] };
    const { stages } = decoder({ unets: [unet, unet], image_sizes: [8, 16], ...lists });
    expect(stages.map((s) => s.sampleTimesteps)).toEqual([5, null]);
    expect(stages.map((s) => s.objective)).toEqual(["v", "x0"]);
  });

  it("leaves eta and the percentile of the dynamic threshold to the version unless given", () => {
    expect(decoder({ unets: [unet], image_size: 8 })).toMatchObject({
      ddimSamplingEta: null,
      dynamicThresPercentile: null,
    });
    expect(decoder({ unets: [unet], image_size: 8, ddim_sampling_eta: 0 }).ddimSamplingEta).toBe(0);
  });

  it.each([
    [true, [false, true, true]],
    [
      [true, false],
      [false, true, false],
    ],
    [
      [false, false, true],
      [false, false, true],
    ],
  ])("use_noise_for_lowres_cond %o gives %o", (given, expected) => {
    const { stages } = decoder({
      unets: [unet, unet, unet],
      image_sizes: [8, 16, 32],
      use_noise_for_lowres_cond: given,
    });
    expect(stages.map((s) => s.unet.lowresNoiseCond)).toEqual(expected);
  });

  it.each([
    [{ image_size: 8, image_sizes: [8, 16] }, /either image_size or image_sizes/],
    [{}, /either image_size or image_sizes/],
    [{ image_sizes: [16, 16] }, /1 different size \(16\) for 2 U-Nets/],
    [{ image_sizes: [8, 16], beta_schedule: ["cosine"] }, /decoder\.beta_schedule has 1 entries, but must have 1 or 2/],
    [{ image_sizes: [8, 16], timesteps: 30, sample_timesteps: [5, 31] }, /31 sampling steps/],
    [{ image_sizes: [8, 16], use_noise_for_lowres_cond: [true, true] }, /U-Nets after the first/],
  ])("refuses %o", (fields, message) => {
    expect(() => decoder({ unets: [unet, unet], ...fields })).toThrow(message);
  });
});

describe("priorConfig", () => {
  const config = { net: { dim: 64, depth: 2 }, image_embed_dim: 64, cond_drop_prob: 0.1 };

  it("applies the constructors' defaults", () => {
    expect(resolvePriorConfig(parseConfig(priorConfig, config, "test"))).toMatchObject({
      imageEmbedScale: 8,
      objective: "x0",
      timesteps: 1000,
      sampleTimesteps: null,
      betaSchedule: "cosine",
      conditionOnTextEncodings: true,
      canGuide: true,
      clip: null,
      net: {
        heads: 8,
        dimHead: 64,
        ffMult: 4,
        maxTextLen: 256,
        numTimesteps: null,
        rotaryEmb: true,
        normformer: false,
      },
    });
  });

  it("can be guided only if both conditionings were dropped in training", () => {
    const options = resolvePriorConfig(parseConfig(priorConfig, { ...config, text_cond_drop_prob: 0 }, "test"));
    expect(options.canGuide).toBe(false);
  });

  it("refuses a network of another width than the embedding", () => {
    const parsed = parseConfig(priorConfig, { ...config, image_embed_dim: 32 }, "test");
    expect(() => resolvePriorConfig(parsed)).toThrow(/prior\.net\.dim is 64, but prior\.image_embed_dim is 32/);
  });

  it("names the CLIP it was trained with", () => {
    expect(parseConfig(priorConfig, { ...config, clip: {} }, "test").clip).toMatchObject({
      make: "openai",
      model: "ViT-L/14",
    });
    expect(() => parseConfig(priorConfig, { ...config, clip: { make: "blip" } }, "test")).toThrow(/clip\.make/);
  });
});

describe("keys that no constructor of the reference has", () => {
  const net = { dim: 8, depth: 1 };
  const prior = { net, image_embed_dim: 8 };
  const decoding = { unets: [unet], image_size: 16 };

  it.each([
    [
      trainPriorConfig,
      { prior: { ...prior, predict_xstart: true } },
      /prior: unknown key "predict_xstart".*"predict_x_start"/,
    ],
    [trainPriorConfig, { prior: { ...prior, net: { ...net, rotary: false } } }, /prior\.net: unknown key "rotary"/],
    [trainPriorConfig, { prior: { ...prior, net: { ...net, attend_all_text_encodings: false } } }, /attend_all_text/],
    [
      trainPriorConfig,
      { prior: { ...prior, net: { ...net, l2norm_output: true } } },
      /prior\.net\.l2norm_output: true/,
    ],
    [trainDecoderConfig, { decoder: { ...decoding, clamp: false } }, /decoder: unknown key "clamp" \(it may change/],
    [trainDecoderConfig, { decoder: { ...decoding, vae: [{ dim: 8 }] } }, /decoder\.vae: .*latent diffusion/],
    [trainDecoderConfig, { decoder: { ...decoding, lowres_downsample_mode_nearest: true } }, /mode_nearest: true/],
  ])("are refused by name", (schema: z.ZodMiniType, config, message) => {
    expect(() => parseConfig(schema, config, "train.json")).toThrow(ConfigError);
    expect(() => parseConfig(schema, config, "train.json")).toThrow(message);
  });

  it("may be those of training, or say what is the case anyway", () => {
    const trained = { loss_type: "l1", blur_sigma: [0.1, 0.2], p2_loss_weight_k: 1, random_crop_sizes: [64, null] };
    const decoder = { ...decoding, ...trained, vae: [], clip_denoised: true, lowres_downsample_mode_nearest: false };
    expect(() =>
      parseConfig(trainDecoderConfig, { decoder, train: { lr: 1e-4 }, seed: 3 }, "train.json"),
    ).not.toThrow();
    const ofNet = { ...net, attn_dropout: 0.05, ff_dropout: 0.05, l2norm_output: null };
    expect(() => parseConfig(trainPriorConfig, { prior: { ...prior, net: ofNet } }, "train.json")).not.toThrow();
  });

  it("are ignored in U-Nets, as the reference does, and named", () => {
    const config = { decoder: { ...decoding, unets: [{ ...unet, self_atn: true, checkpoint_during_training: true }] } };
    expect(describeIgnored(parseConfig(trainDecoderConfig, config, "train.json"))).toEqual([
      expect.stringMatching(/^decoder\.unets\[0\]: unknown key "self_atn"; did you mean "self_attn"\?/),
    ]);
  });

  it("are named only up to a limit", () => {
    const many = Object.fromEntries(Array.from({ length: 300_000 }, (_, i) => [`self_attention_of_layer_${i}`, true]));
    const start = performance.now();
    const refused = { decoder: { ...decoding, ...many } };
    expect(() => parseConfig(trainDecoderConfig, refused, "train.json")).toThrow(/"self_attention_of_layer_0"/);
    const ignored = { decoder: { ...decoding, unets: [{ ...unet, ...many }] } };
    const described = describeIgnored(parseConfig(trainDecoderConfig, ignored, "train.json"));
    expect(described).toHaveLength(13);
    expect(described.at(-1)).toMatch(/and 299988 more unknown keys/);
    // A second or two; before, it took as long for each thousand keys.
    expect(performance.now() - start).toBeLessThan(20_000);
  }, 60_000);

  it("are refused without the secrets in their values", () => {
    const config = { decoder: { ...decoding, vae: { token: "planted-word", path: "x".repeat(10_000) } } };
    const error = String(parseErrorOf(config));
    expect(error).toMatch(/decoder\.vae: .*latent diffusion/);
    expect(error).not.toMatch(/planted-word|x{100}/);
  });
});

function parseErrorOf(config: unknown): unknown {
  try {
    return parseConfig(trainDecoderConfig, config, "train.json");
  } catch (error) {
    return error;
  }
}
