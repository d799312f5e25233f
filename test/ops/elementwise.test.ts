import { afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  activate,
  add,
  affine,
  clamp,
  combine,
  multiply,
  scaleBy,
  subtract,
  geglu,
  swiglu,
} from "../../src/ops/elementwise.js";
import { ShapeError } from "../../src/ops/shape-error.js";
import type { Arena } from "../../src/tensor/arena.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import { expectClose, openTestArena, Random, testableTypes } from "../support/gpu.js";
import { build, reader } from "../support/nd.js";
import { activation64 } from "../support/oracle-gemm.js";
import { rounded } from "../support/rounded.js";

// Relative to the largest value. f32: two or three roundings of 6e-8, and a few more that WGSL allows for exp; measured
// up to 3e-7. f16: inputs are already rounded, so the only error is the rounding of the result, 2^-11 = 4.9e-4, or
// twice that on adapters that truncate.
const TOLERANCE = { f32: 1e-6, f16: 1e-3 } as const;

describe.each(await testableTypes())("elementwise operations in %s", (dtype: ComputeType) => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await openTestArena(dtype);
  });
  afterEach(() => arena.checkGuards());

  const random = new Random(21);
  const close = { maxRelative: TOLERANCE[dtype] };

  function make(shape: readonly number[], scale = 1) {
    const size = shape.reduce((product, axis) => product * axis, 1);
    const values = rounded(random.normals(size, scale), dtype);
    return { tensor: arena.from(values, shape), values, at: reader(values, shape) };
  }

  describe("of two tensors", () => {
    const operations = [
      { name: "add", run: add, oracle: (a: number, b: number) => a + b },
      { name: "subtract", run: subtract, oracle: (a: number, b: number) => a - b },
      { name: "multiply", run: multiply, oracle: (a: number, b: number) => a * b },
    ];
    // Returns the index in b for an index in a.
    const pairs = [
      { a: [3, 5, 7, 6], b: [3, 5, 7, 6], index: (i: number[]) => i },
      { a: [2, 9, 4], b: [1, 9, 4], index: ([, l, c]: number[]) => [0, l!, c!] },
      { a: [3, 4, 5, 7], b: [1, 4, 5, 7], index: ([, h, w, c]: number[]) => [0, h!, w!, c!] },
      { a: [3, 4, 5, 7], b: [3, 7], index: ([n, , , c]: number[]) => [n!, c!] },
      { a: [3, 4, 5, 8], b: [3, 1, 1, 8], index: ([n, , , c]: number[]) => [n!, 0, 0, c!] },
      { a: [3, 5, 6], b: [1, 6], index: ([, , c]: number[]) => [0, c!] },
      { a: [3, 5, 6], b: [6], index: ([, , c]: number[]) => [c!] },
      { a: [3, 5], b: [1, 5], index: ([, c]: number[]) => [0, c!] },
      { a: [4, 70, 129], b: [4, 129], index: ([n, , c]: number[]) => [n!, c!] },
    ];
    const cases = pairs.flatMap((pair) => operations.map((operation) => ({ ...pair, ...operation })));

    test.each(cases)("$name of $a and $b", async ({ a, b, index, run, oracle }) => {
      const left = make(a);
      const right = make(b);
      const expected = build(a, (...i) => oracle(left.at(...i), right.at(...index(i))));
      expectClose(await run(left.tensor, right.tensor).read(), expected, close);
    });

    test("combine scales both", async () => {
      const left = make([2, 3, 5]);
      const right = make([2, 3, 5]);
      const expected = build([2, 3, 5], (...i) => 0.3 * left.at(...i) - 1.7 * right.at(...i));
      expectClose(await combine(left.tensor, 0.3, right.tensor, -1.7).read(), expected, close);
    });

    test("of a tensor and itself", async () => {
      const { tensor, values } = make([3, 6]);
      expectClose(
        await multiply(tensor, tensor).read(),
        Float64Array.from(values, (x) => x * x),
        close,
      );
    });

    test.each([
      [
        [2, 3, 4],
        [2, 3, 8],
      ],
      [
        [2, 3, 4],
        [3, 3, 4],
      ],
      [
        [2, 3, 4],
        [3, 4],
      ],
      [
        [4, 3, 4],
        [4, 2, 4],
      ],
      [
        [2, 3, 5, 4],
        [2, 5, 3, 4],
      ],
    ])("refuses %j and %j", (a, b) => {
      expect(() => add(arena.empty(a), arena.from(new Float32Array(b.reduce((x, y) => x * y)), b))).toThrow(ShapeError);
    });

    test("refuses operands of different types", () => {
      const b = arena.from([1, 1], [1, 2], "u32");
      expect(() => add(make([1, 2]).tensor, b)).toThrow(/add: b is u32; expected f\d\d, the dtype of a/);
      expect(() => add(b, b)).toThrow(/add: a is u32; expected f32 or f16/);
    });
  });

  describe("of one tensor", () => {
    test.each([[[2, 3, 8]], [[5, 7]], [[1, 1]], [[3, 33, 5, 2]]])("scaleBy, affine, clamp of %j", async (shape) => {
      const { tensor, values } = make(shape, 2);
      expectClose(
        await scaleBy(tensor, -0.7).read(),
        Float64Array.from(values, (x) => x * -0.7),
        close,
      );
      expectClose(
        await affine(tensor, 0.5, 0.25).read(),
        Float64Array.from(values, (x) => x * 0.5 + 0.25),
        close,
      );
      // A lower bound above zero must not change the padding, which the guards check.
      const clamped = Float64Array.from(values, (x) => Math.min(Math.max(x, 0.25), 1));
      expect([...(await clamp(tensor, 0.25, 1).read())]).toEqual([...clamped]);
    });

    test.each(["silu", "gelu", "quickGelu", "relu", "geluTanh", "mish"] as const)(
      "%s, also of large values",
      async (kind) => {
        // f16 cannot represent the squares of larger values, but it can represent x · sigmoid(x).
        const values = rounded(
          Float32Array.from({ length: 2001 }, (_, i) => (i - 1000) / 10),
          dtype,
        );
        const expected = Float64Array.from(values, (x) => activation64(kind, x));
        const actual = await activate(arena.from(values, [3, 667]), kind).read();
        // Relative to each value or to 1e-3, because a tolerance relative to 100 would see nothing near zero. exp costs
        // digits in proportion to its argument; f16 is subnormal below 6e-5.
        const errors = actual.map((y, i) => Math.abs(y - expected[i]!) / Math.max(Math.abs(expected[i]!), 1e-3));
        expect(Math.max(...errors)).toBeLessThan(dtype === "f32" ? 2e-6 : 1e-3);
      },
    );
  });

  describe("gated linear units", () => {
    test.each([
      [1, 4],
      [3, 8],
      [2, 3],
      [5, 6],
      [7, 1],
      [77, 130],
      [4, 256],
    ])("%i rows to %i channels", async (rows, n) => {
      const x = make([rows, 2 * n], 2);
      for (const [unit, gate] of [
        [swiglu, "silu"],
        [geglu, "gelu"],
      ] as const) {
        const y = unit(x.tensor);
        expect(y.shape).toEqual([rows, n]);
        const expected = build([rows, n], (row, c) => x.at(row, c) * activation64(gate, x.at(row, n + c)));
        expectClose(await y.read(), expected, close);
      }
    });

    test("refuses an odd number of channels", () => {
      expect(() => swiglu(make([2, 5]).tensor)).toThrow(ShapeError);
    });
  });
});
