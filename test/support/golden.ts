import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Arena } from "../../src/tensor/arena.js";
import { verifyFixture } from "../../src/verify/verify.js";
import { openTestArena, sharedGpu, testableTypes } from "./gpu.js";

/** The folder of a fixture in test/fixtures. */
export function fixtureFolder(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

/**
 * Tests that our outputs for these fixtures are the reference's in every storage type of the adapter, within the tolerances
 * of src/verify/result.ts, that nothing is written outside of tensors, and that no GPU memory is left over.
 */
export async function testFixtures(names: readonly string[]): Promise<void> {
  describe.each(await testableTypes())("in %s", (dtype) => {
    it.each(names)("%s", async (name) => {
      const arena = await openTestArena(dtype);
      const result = await verifyFixture(fixtureFolder(name), () => Promise.resolve(arena));
      expect(result).toMatchObject({ name, pass: true });
      // Equal to the last bit would mean that nothing of ours was compared.
      expect(result.maxAbs).toBeGreaterThan(0);
      await arena.checkGuards();
    });
  });

  it.each(names)("%s leaves no GPU memory behind", async (name) => {
    const gpu = await sharedGpu();
    const { live } = gpu.memory();
    await verifyFixture(fixtureFolder(name), () => Promise.resolve(new Arena(gpu)));
    expect(gpu.memory().live).toBe(live);
  });
}
