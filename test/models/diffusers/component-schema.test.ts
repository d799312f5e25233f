import { expect, it } from "vitest";
import { ConfigError } from "../../../src/config/config-error.js";
import { autoencoderKlOptions } from "../../../src/models/stable-unclip/config/autoencoder-config.js";
import { ddpmSchedulerOptions } from "../../../src/models/diffusers/config/ddpm-scheduler-config.js";
import { priorOptions } from "../../../src/models/diffusers/config/prior-config.js";

const FILE = "scheduler_config.json";

it("takes null for a missing key only where diffusers' default is null", () => {
  expect(ddpmSchedulerOptions({ trained_betas: null }, FILE)).toEqual(ddpmSchedulerOptions({}, FILE));
  expect(priorOptions({ clip_embed_dim: null, added_emb_type: null }, FILE)).toMatchObject({
    outputDim: 768,
    hasPredictionToken: false,
  });
  // In Python null counts as false.
  expect(() => ddpmSchedulerOptions({ clip_sample: null }, FILE)).toThrow(
    new ConfigError(`${FILE} is not a valid configuration:\n  clip_sample: expected true or false, found null`),
  );
  expect(() => autoencoderKlOptions({ mid_block_add_attention: null }, "config.json")).toThrow(
    /mid_block_add_attention: expected true: a middle without attention is not supported, found null/,
  );
});

it("leaves out the keys that a config lists as defaults", () => {
  const config = { clip_sample: false, clip_sample_range: 3, _use_default_values: ["clip_sample", "another"] };
  expect(ddpmSchedulerOptions(config, FILE).x0Limit).toBe(3);
});
