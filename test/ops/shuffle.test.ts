import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { pixelShuffle, pixelUnshuffle } from "../../src/ops/shuffle.js";
import { ShapeError } from "../../src/ops/shape-error.js";
import type { Arena } from "../../src/tensor/arena.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import { expectClose, openTestArena, Random, testableTypes } from "../support/gpu.js";
import { build, reader } from "../support/nd.js";
import { activation64 } from "../support/oracle-gemm.js";
import { rounded } from "../support/rounded.js";

describe.each(await testableTypes())("pixel shuffle in %s", (dtype: ComputeType) => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await openTestArena(dtype);
  });
  afterEach(() => arena.checkGuards());

  const random = new Random(31);
  // Coarse height and width, fine channels.
  const cases = [
    [1, 1, 1, 1],
    [2, 3, 5, 4],
    [1, 4, 4, 3],
    [3, 2, 7, 6],
    [1, 8, 1, 16],
    [2, 5, 3, 13],
  ] as const;

  test.each(cases)("[%i, %i, %i, 4 · %i]", async (batch, height, width, channels) => {
    const coarse = [batch, height, width, 4 * channels];
    const fine = [batch, 2 * height, 2 * width, channels];
    const values = rounded(random.normals(batch * height * width * 4 * channels), dtype);
    const at = reader(values, coarse);
    const expected = build(fine, (b, y, x, c) => at(b, y >> 1, x >> 1, c * 4 + (y % 2) * 2 + (x % 2)));

    const shuffled = pixelShuffle(arena.from(values, coarse));
    expect(shuffled.shape).toEqual(fine);
    expect([...(await shuffled.read())]).toEqual([...expected]);

    const restored = pixelUnshuffle(shuffled);
    expect(restored.shape).toEqual(coarse);
    expect([...(await restored.read())]).toEqual([...values]);

    const activated = await pixelShuffle(arena.from(values, coarse), { activation: "silu" }).read();
    // See elementwise.test.ts: a few roundings and exp in f32; the rounding of the result in f16.
    const bounds = { maxRelative: dtype === "f32" ? 1e-6 : 1e-3 };
    expectClose(
      activated,
      expected.map((x) => activation64("silu", x)),
      bounds,
    );
  });

  test("refuses sizes that cannot be divided", () => {
    expect(() => pixelShuffle(arena.from(new Float32Array(24), [1, 2, 2, 6]))).toThrow(ShapeError);
    expect(() => pixelUnshuffle(arena.from(new Float32Array(24), [1, 3, 2, 4]))).toThrow(ShapeError);
    expect(() => pixelUnshuffle(arena.from(new Float32Array(16), [2, 2, 4]))).toThrow(ShapeError);
  });
});
