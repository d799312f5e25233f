import { describe, expect, it } from "vitest";
import type { NetworkDialect, SamplerDialect } from "../../../src/models/dalle2-pytorch/dialect/flags.js";
import { testFixtures, verifyWith } from "../../support/golden.js";

// Priors from 14 versions of the library: one pass of the network, sampling, sampling with guidance.
const VERSIONS = [
  ...["0.11.5", "0.15.4", "0.16.2", "0.21.3", "0.22.2", "0.23.4", "0.26.2"],
  ...["1.1.0", "1.2.2", "1.4.0", "1.6.5", "1.9.0", "1.10.4", "1.12.1"],
];
const KINDS = ["prior-net", "prior-sample", "prior-sample-cfg"];

// Variants that those do not contain (weights-tools/python/make_prior_fixtures.py).
const OPTIONS = [
  // Text encodings without a mask; no text encodings; a truncated timestep embedding; several tokens of each kind.
  "dialect-0.11.5-prior-net-no-text",
  "dialect-0.16.9-prior-net-time",
  "dialect-0.21.1-prior-net-no-mask",
  "dialect-0.23.2-prior-net-many",
  // The three positions of self-conditioning.
  "dialect-1.6.1-prior-sample-self",
  "dialect-1.6.3-prior-sample-self",
  "dialect-1.9.0-prior-net-self",
  "dialect-1.12.1-prior-net-self",
  // The schedule at the root of the state dict; guidance with a mask that the first step overwrites, and without a
  // mask.
  "dialect-0.5.1-prior-sample-guided",
  "dialect-0.10.1-prior-sample-no-mask",
  // DDIM that loses its state; with the wrong sign from clamped norms; with the raw noise; with the noise from a
  // clamped norm.
  "dialect-0.19.1-prior-sample-ddim",
  "dialect-0.20.0-prior-sample-clamped",
  "dialect-0.23.2-prior-sample-guided",
  "dialect-0.25.1-prior-sample-eps",
  "dialect-1.8.3-prior-sample-time",
  "dialect-1.10.5-prior-sample-clamped",
  "dialect-1.11.2-prior-sample-eps",
];

await testFixtures([
  ...VERSIONS.flatMap((version) => KINDS.map((kind) => `dialect-${version}-${kind}`)),
  ...OPTIONS,
  "laion-prior",
]);

// Its padding is zero, so it can be found without the mask that this version used.
it("finds padding by its zeros if the caller gives no mask, unless the version did not", async () => {
  const name = "dialect-0.15.4-prior-sample";
  expect((await verifyWith(name, { textMaskDefault: "nonZero" }, { mask: false })).pass).toBe(true);
  expect((await verifyWith(name, { textMaskDefault: "allText" }, { mask: false })).pass).toBe(false);
});

describe("without the flag of its version", () => {
  const cases: [name: string, flags: Partial<NetworkDialect & SamplerDialect>][] = [
    ["dialect-0.15.4-prior-net", { lnStable: "all" }],
    ["dialect-0.16.2-prior-net", { relposMult: 128 }],
    ["dialect-0.23.4-prior-net", { relposMult: 1024 }],
    ["dialect-1.6.5-prior-net", { relposMult: 128 }],
    ["dialect-1.4.0-prior-net", { priorAttn: "cosine16" }],
    ["dialect-1.6.5-prior-net", { priorAttn: "scaled" }],
    ["dialect-0.21.3-prior-net", { priorTextPad: "ones" }],
    ["dialect-1.9.0-prior-net", { priorCfg: "nullsAll" }],
    ["dialect-1.10.4-prior-net", { priorCfg: "nullsKeepTextEmbed" }],
    ["dialect-0.16.9-prior-net-time", { priorTime: "sinusFloat" }],
    ["dialect-1.6.1-prior-sample-self", { priorSelfCond: "imageImageSelf" }],
    ["dialect-1.9.0-prior-net-self", { priorSelfCond: "imageSelfQuery" }],
    ["dialect-0.11.5-prior-sample-cfg", { priorCfgMask: "fresh" }],
    ["dialect-0.22.2-prior-sample-cfg", { ddimGridPrior: "toMinusOne" }],
    ["dialect-1.10.4-prior-sample", { ddimGridPrior: "asDecoder" }],
    ["dialect-0.20.0-prior-sample-clamped", { ddimNoiseSign: "right" }],
    ["dialect-0.20.0-prior-sample-clamped", { ddimNoisePrior: "rawOrClamped" }],
    ["dialect-1.10.5-prior-sample-clamped", { ddimNoisePrior: "rawOrUnclamped" }],
    ["dialect-0.25.1-prior-sample-eps", { ddimNoisePrior: "clamped" }],
    ["dialect-0.19.1-prior-sample-ddim", { ddimPriorUpdate: "on" }],
  ];

  it.each(cases)("%s with %o is another prior", async (name, flags) => {
    expect((await verifyWith(name, {})).pass).toBe(true);
    const { pass, nmse } = await verifyWith(name, flags);
    expect(pass).toBe(false);
    // Rounding is below 1e-11. lnStable has the smallest effect, if all maxima are positive: 6e-8.
    expect(nmse).toBeGreaterThan(1e-8);
  });
});
