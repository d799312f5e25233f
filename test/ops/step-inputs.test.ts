import { describe, expect, it } from "vitest";
import { ShapeError } from "../../src/ops/shape-error.js";
import { StepInputs, stepRow, timeRows } from "../../src/ops/step-inputs.js";
import { openTestArena, Random, sharedGpu, testableTypes } from "../support/gpu.js";
import { rounded } from "../support/rounded.js";

const types = await testableTypes();

describe("step rows", () => {
  it.each(types)("are read for the current pass, in %s", async (dtype) => {
    const arena = await openTestArena(dtype);
    const random = new Random(5);
    for (const channels of [1, 6, 8]) {
      const values = rounded(random.normals(2 * 3 * channels), dtype);
      using inputs = new StepInputs(arena, 4);
      const perSample = inputs.rows(values, [2, 3, channels], [1, 0, 0, 1]);
      const shared = inputs.rows(values, [6, 1, channels], [5, 2, 2, 0]);
      for (const [pass, row, one] of [
        [0, 1, 5],
        [2, 0, 2],
        [3, 1, 0],
      ] as const) {
        inputs.goTo(pass);
        const size = 3 * channels;
        expect([...(await stepRow(perSample, 3).read())]).toEqual([...values.slice(row * size, (row + 1) * size)]);
        const single = [...values.slice(one * channels, (one + 1) * channels)];
        expect([...(await stepRow(shared, 3).read())]).toEqual([...single, ...single, ...single]);
      }
    }
    await arena.checkGuards();
  });

  it("keep small whole numbers, which are denormal as floats", async () => {
    const arena = await openTestArena();
    using inputs = new StepInputs(arena, 2);
    const ids = timeRows(inputs, [999, 3], 1, (times) => times, "u32");
    expect([...(await stepRow(ids, 2).read())]).toEqual([999, 999]);
    inputs.goTo(1);
    expect([...(await stepRow(ids, 2).read())]).toEqual([3, 3]);
  });

  it("store a repeated timestep once", async () => {
    const arena = await openTestArena();
    using inputs = new StepInputs(arena, 5);
    const asked: number[] = [];
    const { rows } = timeRows(inputs, [9, 9, 4, 4, 9], 1, (times) => (asked.push(...times), times));
    expect(asked).toEqual([9, 4]);
    expect(rows.shape).toEqual([2, 1, 1]);
  });

  it("refuse arguments that do not fit the passes", async () => {
    const arena = await openTestArena();
    using inputs = new StepInputs(arena, 2);
    expect(() => inputs.rows([1, 2], [2, 1, 1], [0])).toThrow("rowOfPass is 1 indices; expected 2 indices below 2");
    expect(() => inputs.rows([1, 2], [2, 1, 1], [0, 2])).toThrow("rowOfPass is row 2");
    expect(() => inputs.numbers([[1], [2], [3]])).toThrow(ShapeError);
    const rows = inputs.rows([1, 2], [1, 2, 1], [0, 0]);
    expect(() => stepRow(rows, 3)).toThrow(/rows is \[1, 2, 1\]; expected \[rows, 3 or 1, 1\]/);
  });
});

it("frees its tables and its counter", async () => {
  const arena = await openTestArena();
  const gpu = await sharedGpu();
  const { live } = gpu.memory();
  const inputs = new StepInputs(arena, 2);
  inputs.numbers([[1], [2]]);
  inputs.rows([1, 2], [2, 1, 1], [0, 1]);
  const held = inputs.hold(() => arena.detached([4], "f32"));
  expect(gpu.memory().live).toBeGreaterThan(live);
  inputs.dispose();
  expect(held.isDisposed).toBe(true);
  expect(gpu.memory().live).toBe(live);
});
