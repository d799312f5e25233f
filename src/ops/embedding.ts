import { bytesPerElement } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkAxes, checkDType, floatType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { invocations } from "./grid.js";
import { fixedSpan, operand, perLine, type Operand } from "./parts.js";
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
  const channels4 = table.stride / 4;
  for (const [first, count] of tableParts(table)) {
    dispatch(table.arena.stream, "embedding", {
      op: "embedding",
      types: { Element },
      space: { samples: ids.rows, lines: ids.channels },
      operands: {
        table: fixedSpan(table, { start: first * table.stride, end: (first + count) * table.stride }),
        ids: idsOf(ids),
        y: perLine(y),
      },
      call: (part) => ({
        params: {
          invocations: part.count * channels4,
          length: part.lines,
          ids_stride: ids.stride,
          channels4,
          entries,
          first_entry: first,
          part_entries: count,
        },
        grid: invocations(part.count * channels4),
      }),
    });
  }
  return y;
}

/** Returns the first row and the number of rows of each part of a table that a kernel can bind. */
function tableParts(table: Tensor): readonly (readonly [first: number, count: number])[] {
  const rowBytes = table.stride * bytesPerElement(table.dtype);
  const most = Math.max(1, Math.floor(table.arena.stream.maxBindingSize / rowBytes));
  return Array.from({ length: Math.ceil(table.rows / most) }, (_, i) => {
    return [i * most, Math.min(most, table.rows - i * most)] as const;
  });
}

/** Rows of ids are padded, so lines of one sample begin within a row. */
function idsOf(ids: Tensor): Operand {
  return operand(ids, ({ sample, samples, line, lines }) => {
    const start = sample * ids.stride + line;
    return [{ start, end: start + (samples - 1) * ids.stride + lines }];
  });
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
