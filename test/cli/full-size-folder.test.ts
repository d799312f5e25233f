import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MemoryPlan } from "../../src/pipeline/manager/memory-plan.js";
import { dalle2 } from "../support/cli.js";
import { fullSizeKarlo, writeFullSizeKarlo } from "../support/full-size-karlo.js";

const GIB = 2 ** 30;
/** Runs every network once in its full size: 7 GB on the disk, and an hour of two cores. */
const isLong = process.env.DALLE2_LARGE_TESTS === "1";

describe("karlo-v1-alpha in its full size", () => {
  const folder = mkdtempSync(join(tmpdir(), "dalle2-karlo-"));
  const model = join(folder, "model");
  beforeAll(() => {
    writeFullSizeKarlo(model, isLong ? { dtype: "F16", hasValues: true } : { dtype: "F32" });
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it("has a memory plan from its headers, in which all tensors fit the models", () => {
    const { status, stdout, stderr } = dalle2(["memory", model, "--tuning", "portable", "--json"]);
    expect([status, stderr]).toEqual([0, ""]);
    const [f32, f16] = JSON.parse(stdout) as MemoryPlan[];
    const elements = [...fullSizeKarlo().values()]
      .flatMap(({ tensors }) => tensors.map(({ shape }) => shape.reduce((product, size) => product * size, 1)))
      .reduce((sum, size) => sum + size);
    // The table of tokens stays in the file.
    const bytes = 4 * (elements - 49408 * 768);
    const weights = f32!.components.reduce((sum, { weightBytes }) => sum + weightBytes, 0);
    expect(weights / bytes).toBeGreaterThan(0.999);
    // Memory is allocated in sizes of eight per power of two.
    expect(weights / bytes).toBeLessThan(1.06);
    expect(f32!.offloadBytes).toBeLessThan(5 * GIB);
    expect(f16!.offloadBytes).toBeLessThan(3 * GIB);
  });

  it.runIf(isLong)("generates an image, each network in its least number of steps", { timeout: 4 * 3600_000 }, () => {
    const args = ["--model-config", model, "--output", join(folder, "output"), "--seed", "1", "--sampler", "dpmpp2m"];
    const { status, stderr } = dalle2(["dream", "a red circle", ...args, "--prior-steps", "1", "--steps", "1,1"]);
    expect(status, stderr).toBe(0);
  });
});
