import { describe, expect, it } from "vitest";
import { resolvePriorNetConfig } from "../src/config/resolve.js";
import { priorNetConfig } from "../src/config/train-config.js";
import { PriorNetwork } from "../src/models/prior/prior-network.js";
import { distanceBucket } from "../src/nn/relative-position-bias.js";
import { WeightStore } from "../src/weights/store.js";
import { currentDialect } from "../src/weights/dialect.js";
import { UnsupportedError } from "../src/weights/unsupported-error.js";
import { openTestArena } from "./support/gpu.js";

describe("distanceBucket", () => {
  it("has a bucket for each distance below 16, and ever wider ones up to 128", () => {
    expect([0, 1, 15, 16, 18, 19, 31, 32, 64, 127, 128, 1000].map(distanceBucket)).toEqual([
      0, 1, 15, 16, 16, 17, 21, 21, 26, 31, 31, 31,
    ]);
  });
});

describe("PriorNetwork", () => {
  it.each([
    ["priorTextPad", "nonZero"],
    ["priorCfg", "noop"],
    ["priorTime", "sinusInt"],
    ["priorSelfCond", "imageImageSelf"],
  ])("refuses a dialect whose %s is %s, which it would compute wrongly", async (flag, value) => {
    const options = resolvePriorNetConfig(priorNetConfig.parse({ dim: 32, depth: 1, self_cond: true }));
    const store = new WeightStore(await openTestArena(), { name: "prior.pth", tensors: new Map() });
    const dialect = { ...currentDialect.network, [flag]: value };
    expect(() => new PriorNetwork(store.root, options, dialect)).toThrow(UnsupportedError);
    expect(() => new PriorNetwork(store.root, options, dialect)).toThrow(`${flag} ${value}`);
  });
});
