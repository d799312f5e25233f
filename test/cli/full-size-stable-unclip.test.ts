import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MemoryPlan } from "../../src/pipeline/manager/memory-plan.js";
import { dalle2 } from "../support/cli.js";
import { fullSizeStableUnclip } from "../support/full-size-stable-unclip.js";
import { writeFullSizeStableUnclip } from "../support/write-stable-unclip.js";

const GIB = 2 ** 30;

describe("Stable unCLIP in its full size has a memory plan from its headers, in which all tensors fit the models", () => {
  const model = mkdtempSync(join(tmpdir(), "dalle2-stable-unclip-"));
  beforeAll(() => {
    writeFullSizeStableUnclip(model);
  });
  afterAll(() => {
    rmSync(model, { recursive: true });
  });

  function plan(...options: string[]): readonly MemoryPlan[] {
    const { status, stdout, stderr } = dalle2(["memory", model, "--tuning", "portable", "--json", ...options]);
    expect([status, stderr]).toEqual([0, ""]);
    return JSON.parse(stdout) as MemoryPlan[];
  }

  it("of every component, one at a time in 2.3 GiB with f16 and in 1.5 GiB with int8", () => {
    const { image_encoder, text_encoder, unet, vae } = fullSizeStableUnclip();
    const [f32, f16] = plan();
    // The table of tokens stays in the file.
    const text = text_encoder.parameters - 49408 * 1024;
    const parameters = [image_encoder.parameters, text, unet.parameters, vae.parameters];
    expect(f32!.components).toHaveLength(parameters.length);
    // Memory is allocated in sizes of eight per power of two.
    for (const [i, { name, weightBytes }] of f32!.components.entries()) {
      expect(weightBytes / (4 * parameters[i]!), name).toBeGreaterThan(0.99);
      expect(weightBytes / (4 * parameters[i]!), name).toBeLessThan(1.08);
    }
    expect(f32!.offloadBytes).toBeLessThan(4.6 * GIB);
    expect(f16!.offloadBytes).toBeLessThan(2.3 * GIB);
    expect(plan("--weights", "int8")[1]!.offloadBytes).toBeLessThan(1.5 * GIB);
  });

  it("of images of other sizes, whose work is less for fewer pixels and whose weights are the same", () => {
    const [square] = plan();
    const [wide] = plan("--size", "768x512");
    const weightsOf = ({ components }: MemoryPlan) => components.map(({ weightBytes }) => weightBytes);
    expect(weightsOf(wide!)).toEqual(weightsOf(square!));
    const [image, text, unet, vae] = wide!.components.map(
      ({ workBytes }, i) => workBytes / square!.components[i]!.workBytes,
    );
    expect([image, text]).toEqual([1, 1]);
    expect(unet).toBeLessThan(0.7);
    expect(vae).toBeLessThan(0.9);
  });
});
