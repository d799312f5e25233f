import { describe, expect, it } from "vitest";
import { scaleBy } from "../../src/ops/elementwise.js";
import { StepInputs, stepRow, writeStepTokens } from "../../src/ops/step-inputs.js";
import { stepTables } from "../../src/ops/step-tables.js";
import { ShapeError } from "../../src/ops/shape-error.js";
import { openTestArena, Random, testableTypes } from "../support/gpu.js";
import { rounded } from "../support/rounded.js";

const types = await testableTypes();

describe("step tables", () => {
  // Rows that fit: all, some of them with a rest, one, and none.
  it.each(types.flatMap((dtype) => [5, 2, 1, 0].map((fit) => [dtype, fit] as const)))(
    "are what is computed from the row of each pass, in %s, if %i rows fit",
    async (dtype, fit) => {
      const arena = await openTestArena(dtype);
      const values = rounded(new Random(3).normals(5 * 2 * 6), dtype);
      const order = [0, 0, 1, 2, 2, 3, 4];
      using inputs = new StepInputs(arena, order.length, 100 * fit);
      const source = inputs.rows(values, [5, 2, 6], order);
      const sizes: number[] = [];
      const [doubled, negated] = stepTables(inputs, source, {
        bytesPerRow: 100,
        compute: (rows) => {
          sizes.push(rows.shape[0]!);
          return arena.scope(() => [scaleBy(rows, 2), scaleBy(rows, -1)]);
        },
      });
      for (const [pass, row] of order.entries()) {
        inputs.goTo(pass);
        const own = [...values.slice(row * 12, (row + 1) * 12)];
        expect([...(await stepRow(doubled!, 2).read())]).toEqual(own.map((value) => 2 * value));
        expect([...(await stepRow(negated!, 2).read())]).toEqual(own.map((value) => -value));
      }
      expect(sizes).toEqual({ 5: [5], 2: [2, 2, 1], 1: [1, 1, 1, 1, 1], 0: [1, 1, 1, 1, 1] }[fit]);
      await arena.checkGuards();
    },
  );

  it("are computed for the pass that a part of a run begins with", async () => {
    const arena = await openTestArena();
    using inputs = new StepInputs(arena, 4, 2);
    const source = inputs.rows([1, 2, 3, 4], [4, 1, 1], [0, 1, 2, 3]);
    const compute = (rows: Parameters<typeof scaleBy>[0]) => [scaleBy(rows, 10)];
    const [table] = stepTables(inputs, source, { bytesPerRow: 1, compute });
    inputs.goTo(3);
    expect([...(await stepRow(table!, 1).read())]).toEqual([40]);
  });
});

describe("tokens of a pass", () => {
  it.each(types)("are written over some tokens of each sample, in %s", async (dtype) => {
    const arena = await openTestArena(dtype);
    const random = new Random(4);
    const before = rounded(random.normals(2 * 5 * 4), dtype);
    for (const samples of [1, 2]) {
      const values = rounded(random.normals(3 * samples * 8), dtype);
      using inputs = new StepInputs(arena, 3);
      const rows = inputs.rows(values, [3, samples, 8], [2, 0, 1]);
      const target = arena.from(before, [2, 5, 4]);
      writeStepTokens(target, rows, 1);
      const expected = [...before];
      for (const sample of [0, 1]) {
        const from = (2 * samples + (sample % samples)) * 8;
        expected.splice(sample * 20 + 4, 8, ...values.slice(from, from + 8));
      }
      expect([...(await target.read())]).toEqual(expected);
    }
    await arena.checkGuards();
  });

  it("must fit", async () => {
    const arena = await openTestArena();
    using inputs = new StepInputs(arena, 1);
    const rows = inputs.rows(new Float32Array(8), [1, 1, 8], [0]);
    const target = (...shape: number[]) => arena.from(new Float32Array(shape.reduce((a, b) => a * b)), shape);
    expect(() => {
      writeStepTokens(target(2, 2, 4), rows, 1);
    }).toThrow(ShapeError);
    expect(() => {
      writeStepTokens(target(2, 4, 2), rows, 0);
    }).toThrow(ShapeError);
    expect(() => {
      writeStepTokens(target(2, 4, 12), rows, 0);
    }).toThrow(ShapeError);
  });
});
