import { fileURLToPath } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { Arena } from "../../src/tensor/arena.js";
import { openFixture } from "../../src/models/open-fixture.js";
import { DIALECT_RUNNERS } from "../../src/models/dalle2-pytorch/verify/kinds.js";
import { referenceDialect } from "../../src/models/dalle2-pytorch/verify/reference-dialect.js";
import { resultOf, type VerifyResult } from "../../src/fixture/result.js";
import { verifyFixture } from "../../src/verify/verify.js";
import type { NetworkDialect, SamplerDialect } from "../../src/models/dalle2-pytorch/dialect/flags.js";
import { openTestArena, sharedGpu, testableTypes } from "./gpu.js";

/** The folder of a fixture in test/fixtures. */
export function fixtureFolder(name: string): string {
  return fileURLToPath(new URL(`../../test/fixtures/${name}`, import.meta.url));
}

/**
 * Tests that our outputs for these fixtures are the reference's in every dtype of the adapter, within the tolerances of
 * src/fixture/result.ts, that nothing is written outside of tensors, and that no GPU memory is left.
 */
export async function testFixtures(names: readonly string[]): Promise<void> {
  describe.each(await testableTypes())("in %s", (dtype) => {
    it.each(names)("%s", async (name) => {
      const [gpu, arena] = [await sharedGpu(), await openTestArena(dtype)];
      const result = await verifyFixture(fixtureFolder(name), () => Promise.resolve({ gpu, arena }));
      expect(result).toMatchObject({ name, pass: true });
      // A difference of exactly zero would mean that nothing was computed here.
      expect(result.maxAbs).toBeGreaterThan(0);
      await arena.checkGuards();
    });
  });

  it.each(names)("%s leaves no GPU memory behind", async (name) => {
    const gpu = await sharedGpu();
    const { live } = gpu.memory();
    await verifyFixture(fixtureFolder(name), () => Promise.resolve({ gpu, arena: new Arena(gpu.stream()) }));
    expect(gpu.memory().live).toBe(live);
  });
}

/** Verifies a fixture with other flags than those of its version, or without the mask of its texts. */
export async function verifyWith(
  name: string,
  flags: Partial<NetworkDialect & SamplerDialect>,
  { mask = true }: { readonly mask?: boolean } = {},
): Promise<VerifyResult> {
  const fixture = await openFixture(fixtureFolder(name));
  const { version, network, sampler } = referenceDialect(fixture);
  const dialect = { version, network: { ...network, ...flags }, sampler: { ...sampler, ...flags } };
  if (!mask) {
    const tensorIfAny = fixture.tensorIfAny.bind(fixture);
    vi.spyOn(fixture, "tensorIfAny").mockImplementation((tensor) =>
      tensor === "in.mask" ? Promise.resolve(undefined) : tensorIfAny(tensor),
    );
  }
  try {
    const gpu = await sharedGpu();
    const arena = new Arena(gpu.stream());
    const run = DIALECT_RUNNERS.get(fixture.kind)!;
    return resultOf(name, "", await run(fixture, () => Promise.resolve(arena), dialect));
  } finally {
    await fixture.close();
  }
}
