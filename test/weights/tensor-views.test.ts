import { describe, expect, it } from "vitest";
import { TensorEntry, type RowRange } from "../../src/weights/tensor-entry.js";
import { concatRows, transposed } from "../../src/weights/formats/tensor-views.js";

/** An f32 matrix that counts up from `first`, and the ranges of rows that were read. */
function matrix(first: number, [rows, columns]: readonly [number, number]) {
  const values = Float32Array.from({ length: rows * columns }, (_, i) => first + i);
  const reads: RowRange[] = [];
  const entry = new TensorEntry("w", "F32", [rows, columns], ([start, end]) => {
    reads.push([start, end]);
    return Promise.resolve(new Uint8Array(values.slice(start * columns, end * columns).buffer));
  });
  return { entry, reads };
}

const floats = async (entry: TensorEntry, rows?: RowRange) => [...new Float32Array((await entry.read(rows)).buffer)];

describe("concatRows", () => {
  it("reads the rows that are asked for, from the parts that have them", async () => {
    const [a, b, c] = [matrix(0, [2, 3]), matrix(10, [1, 3]), matrix(20, [2, 3])];
    const whole = concatRows("whole", [a.entry, b.entry, c.entry])!;
    expect(whole.shape).toEqual([5, 3]);
    expect(await floats(whole, [1, 4])).toEqual([3, 4, 5, 10, 11, 12, 20, 21, 22]);
    expect([a.reads, b.reads, c.reads]).toEqual([[[1, 2]], [[0, 1]], [[0, 1]]]);
    expect(await floats(whole, [4, 5])).toEqual([23, 24, 25]);
    expect(b.reads).toHaveLength(1);
  });

  it("joins vectors", async () => {
    const vector = (first: number) =>
      new TensorEntry("b", "F32", [2], ([start, end]) =>
        Promise.resolve(new Uint8Array(Float32Array.of(first, first + 1).slice(start, end).buffer)),
      );
    expect(await floats(concatRows("whole", [vector(1), vector(5)])!)).toEqual([1, 2, 5, 6]);
  });

  it("joins nothing that differs in type or in the length of its rows", () => {
    const { entry } = matrix(0, [2, 3]);
    expect(concatRows("whole", [entry, matrix(0, [2, 4]).entry])).toBeUndefined();
    expect(concatRows("whole", [entry, new TensorEntry("h", "F16", [2, 3], () => Promise.reject(new Error()))])).toBe(
      undefined,
    );
    expect(concatRows("whole", [])).toBeUndefined();
  });
});

describe("transposed", () => {
  it("exchanges rows and columns", async () => {
    const turned = transposed("t", matrix(0, [2, 3]).entry);
    expect(turned.shape).toEqual([3, 2]);
    expect(await floats(turned)).toEqual([0, 3, 1, 4, 2, 5]);
    expect(await floats(turned, [1, 3])).toEqual([1, 4, 2, 5]);
  });
});
