import { describe, expect, it } from "vitest";
import { selfTest } from "../../src/verify/self-test.js";
import { sharedGpu } from "../support/gpu.js";

describe("selfTest", () => {
  it("passes on this adapter, in every storage type of the adapter", async () => {
    const gpu = await sharedGpu();
    const before = gpu.memory().live;
    const results = await selfTest(gpu);
    expect(results).toHaveLength(gpu.features.f16 ? 8 : 4);
    for (const result of results) expect(result, `${result.kernel} in ${result.dtype}`).toMatchObject({ pass: true });
    // Results that are exactly equal would mean that one side was copied from the other.
    expect(results.some(({ maxRelative }) => maxRelative > 0)).toBe(true);
    expect(gpu.memory().live).toBe(before);
  });
});
