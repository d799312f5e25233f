import { describe, expect, it } from "vitest";
import type { NetworkDialect } from "../../../src/models/dalle2-pytorch/dialect/flags.js";
import { testFixtures, verifyWith } from "../../support/golden.js";

// One fixture for each way that a U-Net was built, most of them from weights-tools/python/make_decoder_fixtures.py.
// `dalle2 verify` compares more versions with more options.
const LAYOUTS = [
  "dialect-0.5.0-unet-single",
  "dialect-0.5.1-unet-init-dim",
  "dialect-0.5.3-unet-crossembed",
  "dialect-0.5.5-unet-blocks",
  "dialect-0.6.16-unet-unnulled",
  "dialect-0.7.1-unet-nulled",
  "dialect-0.8.0-unet-downsample-first",
  "dialect-0.8.1-unet-memory-efficient",
  "dialect-0.8.1-unet-plain",
  "dialect-0.9.1-unet-all-ups",
  "dialect-0.12.4-unet-skip-scale",
  "dialect-0.14.1-unet-per-block",
  "dialect-0.14.1-unet-upsampler",
  "dialect-0.15.2-unet-nearest",
];
const NUMERICS = [
  "dialect-0.16.2-unet",
  "dialect-0.20.1-unet-no-mask",
  "dialect-1.2.2-unet-linear",
  "dialect-1.4.2-unet-linear",
  "dialect-1.8.4-unet-self",
  "dialect-1.10.0-unet-upsampler",
  "dialect-1.12.1-unet",
];

await testFixtures([...LAYOUTS, ...NUMERICS]);

// Flags that names and shapes do not show. With another value the same weights compute something else.
describe("without the flag of its version", () => {
  const cases: [name: string, flags: Partial<NetworkDialect>][] = [
    ["dialect-0.16.2-unet", { lnStable: "finalPrior" }],
    ["dialect-0.20.1-unet-no-mask", { unetTextPad: "nullEmbed" }],
    ["dialect-1.2.2-unet-linear", { linearAttn: "plain" }],
    ["dialect-1.4.2-unet-linear", { linearAttn: "vHw" }],
    ["dialect-1.8.4-unet-self", { unetSelfScale: "rsqrt" }],
    ["dialect-1.12.1-unet", { lnStable: "all" }],
  ];

  it.each(cases)("%s with %o is another U-Net", async (name, flags) => {
    expect((await verifyWith(name, {})).pass).toBe(true);
    const { pass, nmse } = await verifyWith(name, flags);
    expect(pass).toBe(false);
    // Rounding is below 1e-11.
    expect(nmse).toBeGreaterThan(1e-6);
  });
});
