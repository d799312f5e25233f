import { expect, it } from "vitest";
import { Random } from "../support/gpu.js";
import { fileSize, padAxis, padRows, partsOf, storedSize, type Axis, type Heads } from "../../src/weights/head-axis.js";

const random = new Random(12);

/** Position on the GPU of an entry of the file. */
function target(axis: Axis, entry: number): number {
  if (typeof axis === "number" || entry >= axis.heads * axis.dimHead) return entry + storedSize(axis) - fileSize(axis);
  const head = Math.floor(entry / axis.dimHead);
  return entry + head * (Math.ceil(axis.dimHead / 4) * 4 - axis.dimHead);
}

const heads = (): Heads => ({ heads: random.integer(1, 5), dimHead: random.integer(1, 11) });
const axes: Axis[] = [
  7,
  64,
  { heads: 3, dimHead: 8 },
  { heads: 3, dimHead: 6 },
  { heads: 1, dimHead: 5, rest: 9 },
  { heads: 2, dimHead: 8, rest: 3 },
  ...Array.from({ length: 12 }, () => ({ ...heads(), rest: random.integer(0, 9) })),
];

it.each(axes)("puts padding between the heads of %o, for any size of the parts", (axis) => {
  const values = Float32Array.from({ length: fileSize(axis) }, (_, i) => i + 1);
  const expected = new Float32Array(storedSize(axis));
  for (const [i, value] of values.entries()) expected[target(axis, i)] = value;
  expect([...padAxis(values, axis)]).toEqual([...expected]);

  for (const most of [1, 4, 10, 1000]) {
    const inputs = random.next() < 0.5 ? random.integer(1, 7) : heads();
    const taps = random.integer(1, 3);
    const width = fileSize(inputs) * taps;
    const weight = random.normals(fileSize(axis) * width);
    const result = new Float32Array(storedSize(axis) * storedSize(inputs) * taps);
    for (const part of partsOf(axis, most)) {
      expect(part.target % 4).toBe(0);
      const rows = weight.subarray(part.start * width, (part.start + part.size) * width);
      result.set(padRows(rows, part, inputs, taps), part.target * storedSize(inputs) * taps);
    }
    const padded = new Float32Array(result.length);
    for (const [i, value] of weight.entries()) {
      const [row, input, tap] = [Math.floor(i / width), Math.floor((i % width) / taps), i % taps];
      padded[(target(axis, row) * storedSize(inputs) + target(inputs, input)) * taps + tap] = value;
    }
    expect([...result]).toEqual([...padded]);
  }
});
