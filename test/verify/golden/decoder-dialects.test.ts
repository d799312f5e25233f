import { describe, expect, it } from "vitest";
import type { NetworkDialect, SamplerDialect } from "../../../src/models/dalle2-pytorch/dialect/flags.js";
import { testFixtures, verifyWith } from "../../support/golden.js";

// One fixture for each sampler that the decoder had, most of them from weights-tools/python/make_decoder_fixtures.py.
// `dalle2 verify` compares more versions with more options.
await testFixtures([
  // One schedule at the root of the state dict; images are enlarged with a cubic kernel.
  "dialect-0.9.2-decoder-ddpm",
  "dialect-0.11.5-decoder",
  // The first DDIM: it added noise in the last step, too, and did not normalise the smaller image.
  "dialect-0.19.3-decoder-ddim",
  "dialect-0.20.1-decoder-no-mask",
  // Noise computed from x0: with the wrong sign; from the clamped x0.
  "dialect-0.25.1-decoder-x0",
  "dialect-1.11.1-decoder-v",
  "dialect-1.12.2-decoder-x0",
  // Inpainting without resampling.
  "dialect-0.26.0-decoder-inpaint",
]);

describe("without the flag of its version", () => {
  const cases: [name: string, flags: Partial<NetworkDialect & SamplerDialect>][] = [
    ["dialect-0.9.2-decoder-ddpm", { lowresResize: "nearest" }],
    ["dialect-0.11.5-decoder", { lowresResize: "cubicClamp" }],
    ["dialect-0.19.3-decoder-ddim", { ddimLastNoise: "off" }],
    ["dialect-0.19.3-decoder-ddim", { ddimLowresNormalize: "on" }],
    ["dialect-0.19.3-decoder-ddim", { ddimNoiseDecoder: "clamped" }],
    ["dialect-0.19.3-decoder-ddim", { ddimEta: 0 }],
    ["dialect-0.20.1-decoder-no-mask", { textMaskDefault: "allText" }],
    ["dialect-0.20.1-decoder-no-mask", { dynamicThresPercentile: 0.95 }],
    ["dialect-0.25.1-decoder-x0", { ddimNoiseSign: "right" }],
    ["dialect-0.25.1-decoder-x0", { ddimNoiseDecoder: "clamped" }],
    ["dialect-0.25.1-decoder-x0", { ddimAlphas: "cumprod" }],
    ["dialect-1.12.2-decoder-x0", { ddimNoiseDecoder: "rawOrUnclamped" }],
    ["dialect-0.26.0-decoder-inpaint", { inpaint: "repaint" }],
  ];

  it.each(cases)("%s with %o samples other images", async (name, flags) => {
    expect((await verifyWith(name, {})).pass).toBe(true);
    expect((await verifyWith(name, flags)).pass).toBe(false);
  });
});
