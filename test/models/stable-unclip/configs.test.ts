import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/config/config-error.js";
import { pndmSchedulerOptions } from "../../../src/models/diffusers/config/pndm-scheduler-config.js";
import { autoencoderKlOptions } from "../../../src/models/stable-unclip/config/autoencoder-config.js";
import { stableUnclipUnetOptions } from "../../../src/models/stable-unclip/config/unet-config.js";

const UNET = {
  class_embed_type: "projection",
  projection_class_embeddings_input_dim: 2048,
  attention_head_dim: [5, 10, 20, 20],
  cross_attention_dim: 1024,
  use_linear_projection: true,
};

function messageOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

describe("the config of the U-Net", () => {
  it("has diffusers' defaults for keys that are missing", () => {
    expect(stableUnclipUnetOptions(UNET, "config.json")).toMatchObject({
      widths: [320, 640, 1280, 1280],
      heads: [5, 10, 20, 20],
      attendsDown: [true, true, true, false],
      attendsUp: [false, true, true, true],
      blocks: [1, 1, 1, 1],
      linearProjection: true,
      imageEmbedDim: 1024,
      contextDim: 1024,
    });
  });

  it.each([
    [{ class_embed_type: "timestep" }, /class_embed_type/],
    [{ attention_head_dim: [5, 10] }, /attention_head_dim: 2 entries, but block_out_channels has 4/],
    [{ num_attention_heads: 8 }, /num_attention_heads: 8 is not supported: diffusers refuses it/],
    [{ mid_block_type: null }, /mid_block_type: expected "UNetMidBlock2DCrossAttn", found null/],
    [{ projection_class_embeddings_input_dim: 31 }, /input_dim: expected an even number, found 31/],
    [{ attention_head_dim: 7 }, /attention_head_dim: 7 heads do not divide 320/],
    [{ addition_embed_type: "text" }, /addition_embed_type/],
    [{ down_block_types: ["SimpleCrossAttnDownBlock2D"] }, /down_block_types/],
    [{ in_channels: 9 }, /in_channels: 9, but out_channels is 4$/],
    [{ dual_cross_attention: true }, /dual_cross_attention/],
    [{ a_new_key: 1 }, /a_new_key/],
  ])("is refused with %o", (change, message) => {
    expect(messageOf(() => stableUnclipUnetOptions({ ...UNET, ...change }, "config.json"))).toMatch(message);
  });
});

describe("the config of the autoencoder", () => {
  it.each([
    [{ shift_factor: 0.1 }, /shift_factor/],
    [{ down_block_types: ["DownEncoderBlock2D", "DownEncoderBlock2D"] }, /down_block_types: 2 entries/],
    [{ norm_num_groups: 48 }, /norm_num_groups: 48 is no divisor of 64/],
    [{ up_block_types: ["AttnUpDecoderBlock2D"] }, /up_block_types/],
  ])("is refused with %o", (change, message) => {
    expect(messageOf(() => autoencoderKlOptions({ block_out_channels: [64], ...change }, "config.json"))).toMatch(
      message,
    );
  });
});

describe("the config of the scheduler", () => {
  it.each([
    [{}, /skip_prk_steps/],
    [{ skip_prk_steps: false }, /skip_prk_steps/],
    [{ skip_prk_steps: true, prediction_type: "sample" }, /prediction_type/],
    [{ skip_prk_steps: true, timestep_spacing: "trailing" }, /timestep_spacing/],
  ])("is refused with %o", (config, message) => {
    expect(messageOf(() => pndmSchedulerOptions(config, "scheduler_config.json"))).toMatch(message);
  });
});
