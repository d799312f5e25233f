import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MemoryPlan } from "../../src/pipeline/manager/memory-plan.js";
import { dalle2 } from "../support/cli.js";
import { fullSizeKandinsky, UNETS } from "../support/full-size-kandinsky.js";
import { writeFullSizeDecoder, writeFullSizePrior } from "../support/write-kandinsky.js";

const GIB = 2 ** 30;

describe("Kandinsky 2.2 in its full size has a memory plan from its headers, in which all tensors fit the models", () => {
  const folder = mkdtempSync(join(tmpdir(), "dalle2-kandinsky-"));
  const priorFolder = join(folder, "prior");
  beforeAll(() => {
    writeFullSizePrior(priorFolder);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  function plan(model: string, ...options: string[]): readonly MemoryPlan[] {
    const { status, stdout, stderr } = dalle2(["memory", model, "--tuning", "portable", "--json", ...options]);
    expect([status, stderr]).toEqual([0, ""]);
    return JSON.parse(stdout) as MemoryPlan[];
  }

  /** Memory is allocated in sizes of eight per power of two. The codebook and the table of tokens stay in the file. */
  function expectWeights(components: MemoryPlan["components"], parameters: readonly number[]): void {
    for (const [i, { name, weightBytes }] of components.entries()) {
      expect(weightBytes / (4 * parameters[i]!), name).toBeGreaterThan(0.99);
      expect(weightBytes / (4 * parameters[i]!), name).toBeLessThan(1.08);
    }
  }

  it("of the prior's folder, one component at a time in 2 GiB with int8", () => {
    const { text_encoder, image_encoder, prior } = fullSizeKandinsky();
    const [f32, f16] = plan(priorFolder);
    const text = text_encoder.parameters - 49408 * 1280;
    expectWeights(f32!.components, [text, image_encoder.parameters, prior.parameters]);
    expect(f32!.offloadBytes).toBeLessThan(7.2 * GIB);
    expect(f16!.offloadBytes).toBeLessThan(3.6 * GIB);
    expect(plan(priorFolder, "--weights", "int8")[1]!.offloadBytes).toBeLessThan(2 * GIB);
  });

  it.each(UNETS)("of a decoder with %s, one component at a time in 1.6 GiB with int8", (form) => {
    const model = join(folder, form);
    writeFullSizeDecoder(model, form);
    const reference = fullSizeKandinsky();
    const [f32, f16] = plan(model).map(ofDecoder);
    expectWeights(f32!.components, [reference[form].parameters, reference.movq.parameters]);
    const [unet, movq] = f32!.components;
    // Each component is counted without the other.
    expect(f32!.bytes).toBe(unet!.weightBytes + unet!.workBytes);
    expect(movq!.workBytes).toBeLessThan(unet!.weightBytes);
    expect(f16!.bytes).toBeLessThan(2.8 * GIB);
    expect(ofDecoder(plan(model, "--weights", "int8")[1]!).bytes).toBeLessThan(1.6 * GIB);
  });
});

/** The components of the decoder in a plan that has those of the prior beside it first, and the bytes of the larger one. */
function ofDecoder({ components }: MemoryPlan): Pick<MemoryPlan, "components"> & { readonly bytes: number } {
  expect(components).toHaveLength(5);
  const own = components.slice(3);
  return { components: own, bytes: Math.max(...own.map(({ weightBytes, workBytes }) => weightBytes + workBytes)) };
}
