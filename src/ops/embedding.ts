import type { Tensor } from "../tensor/tensor.js";
import { checkAxes, checkDType, floatType } from "./check.js";
import { invocations } from "./grid.js";
import { ShapeError } from "./shape-error.js";

/**
 * Rows of `table` `[V, D]` by number: ids `[...]` give `[..., D]`, a list of n ids gives `[n, D]`, stored as the table
 * is. Throws `ShapeError` for a listed id beyond the table; ids on the GPU are not checked and read the last row then.
 */
export function embedding(table: Tensor, ids: Tensor | readonly number[]): Tensor {
  checkAxes("embedding", "table", table, ["V", "D"]);
  const [entries, channels] = table.shape as [number, number];
  if (!("storage" in ids)) {
    const wrong = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= entries);
    if (wrong >= 0) {
      throw new ShapeError("embedding", `ids[${wrong}]`, String(ids[wrong]), `a row of the table's ${entries}`);
    }
    const { arena } = table;
    return arena.scope(() => embedding(table, arena.from(ids, [ids.length], "u32")));
  }
  checkDType("embedding", "ids", ids, "u32");
  const Element = floatType("embedding", "table", table);
  const y = table.arena.empty([...ids.shape, channels], Element);
  table.arena.stream.dispatch("embedding", {
    types: { Element },
    bindings: { table: table.storage, ids: ids.storage, y: y.storage },
    params: {
      invocations: y.vectors,
      length: ids.channels,
      ids_stride: ids.stride,
      channels4: table.stride / 4,
      entries,
    },
    grid: invocations(y.vectors),
  });
  return y;
}

/**
 * Sinusoidal embeddings of times, `dim` values each, row by row: sines, then cosines, of times · 10000^(-i / (dim/2 - 1)).
 * Computed on the host, where sin and cos are exact for large arguments, and rounded to f32 wherever the reference's
 * `SinusoidalPosEmb` does, because its cosines of times up to 1000 show it. `dim` is even and at least 4. With `truncate`
 * every value is cut to a whole number: all but those that are 1 or -1 to the last bit become 0.
 */
export function sinusoids(
  times: readonly number[],
  dim: number,
  { truncate = false }: { readonly truncate?: boolean } = {},
): Float32Array {
  if (dim % 2 !== 0 || dim < 4) throw new ShapeError("sinusoids", "dim", String(dim), "even and at least 4");
  const half = dim / 2;
  const exponent = Math.fround(-Math.log(10000) / (half - 1));
  const values = new Float32Array(times.length * dim);
  times.forEach((time, sample) => {
    for (let i = 0; i < half; i++) {
      const frequency = Math.fround(Math.exp(Math.fround(i * exponent)));
      const angle = Math.fround(Math.fround(time) * frequency);
      values[sample * dim + i] = Math.sin(angle);
      values[sample * dim + half + i] = Math.cos(angle);
    }
  });
  return truncate ? values.map(Math.trunc) : values;
}
