import type { Tensor } from "../tensor/tensor.js";
import { checkAxes, checkDType, floatType } from "./check.js";
import { invocations } from "./grid.js";
import { ShapeError } from "./shape-error.js";

/**
 * Looks up rows of `table` `[V, D]`: ids `[...]` give `[..., D]`, a list of n ids gives `[n, D]`, in the dtype of the
 * table. Throws `ShapeError` if a listed id is not a row of the table. Ids on the GPU are not checked: too large ones
 * read the last row.
 */
export function embedding(table: Tensor, ids: Tensor | readonly number[]): Tensor {
  checkAxes("embedding", "table", table, ["V", "D"]);
  const [entries, channels] = table.shape as [number, number];
  if (!("storage" in ids)) {
    const wrong = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= entries);
    if (wrong >= 0) {
      throw new ShapeError("embedding", `ids[${wrong}]`, String(ids[wrong]), `one of the ${entries} rows of the table`);
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
 * Returns sinusoidal embeddings of timesteps, `dim` values for each: sines, then cosines, of timestep · 10000^(-i /
 * (dim/2 - 1)). `dim` is even and at least 4. They are computed on the host, where sin and cos are exact for large
 * arguments. They are rounded to f32 where the reference's `SinusoidalPosEmb` does: for timesteps up to 1000 it makes a
 * visible difference. With `truncate` each value is truncated to a whole number, as some versions of the reference do:
 * all values except exact 1 and -1 become 0.
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
