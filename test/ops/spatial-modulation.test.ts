import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { ShapeError } from "../../src/ops/shape-error.js";
import { spatialModulation } from "../../src/ops/spatial-modulation.js";
import type { Arena } from "../../src/tensor/arena.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import { expectClose, openTestArena, Random, testableTypes } from "../support/gpu.js";
import { build, reader } from "../support/nd.js";
import { activation64 } from "../support/oracle-gemm.js";
import { rounded } from "../support/rounded.js";

describe.each(await testableTypes())("spatial modulation in %s", (dtype: ComputeType) => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await openTestArena(dtype);
  });
  afterEach(() => arena.checkGuards());

  const random = new Random(57);
  // Batch, size, size of the maps, channels.
  const cases = [
    [1, 1, 1, 1, 1, 1],
    [2, 8, 12, 4, 6, 5],
    [1, 7, 9, 3, 4, 4],
    [3, 5, 3, 5, 3, 18],
    [1, 4, 4, 9, 7, 7],
  ] as const;

  test.each(cases)("[%i, %i, %i] by maps of %i × %i, %i channels", async (batch, height, width, rows, columns, c) => {
    const [shape, mapShape] = [
      [batch, height, width, c],
      [batch, rows, columns, c],
    ];
    const normals = (sizes: readonly number[]) =>
      rounded(random.normals(sizes.reduce((product, size) => product * size, 1)), dtype);
    const [x, scale, shift] = [normals(shape), normals(mapShape), normals(mapShape)];
    const y = spatialModulation(arena.from(x, shape), {
      scale: arena.from(scale, mapShape),
      shift: arena.from(shift, mapShape),
      activation: "silu",
    });
    const [atX, atScale, atShift] = [reader(x, shape), reader(scale, mapShape), reader(shift, mapShape)];
    const expected = build(shape, (b, i, j, channel) => {
      const place = [b, Math.floor((i * rows) / height), Math.floor((j * columns) / width), channel] as const;
      return activation64("silu", atX(b, i, j, channel) * atScale(...place) + atShift(...place));
    });
    // A few roundings and exp in f32; the rounding of the result in f16.
    expectClose(await y.read(), expected, { maxRelative: dtype === "f32" ? 1e-6 : 1e-3 });
  });

  test("refuses maps that do not fit", () => {
    const x = arena.from(new Float32Array(48), [1, 4, 4, 3]);
    const map = arena.from(new Float32Array(12), [1, 2, 2, 3]);
    const other = arena.from(new Float32Array(8), [1, 2, 2, 2]);
    expect(() => spatialModulation(x, { scale: other, shift: other })).toThrow(ShapeError);
    expect(() => spatialModulation(x, { scale: map, shift: other })).toThrow(ShapeError);
  });
});
