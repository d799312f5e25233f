import { ArgumentError } from "../platform/arguments.js";
import { InternalError } from "../platform/internal-error.js";
import type { Arena } from "../tensor/arena.js";
import type { DType } from "../tensor/dtype.js";
import type { HostTensor } from "../tensor/host-tensor.js";
import type { Tensor } from "../tensor/tensor.js";

/** What CLIP or the prior computed, on the host: callers have nothing to free, and workers can pass it on. */
export interface Embedding extends HostTensor {
  /** `[D]` for the embedding of a text or an image, `[L, W]` for text encodings. */
  readonly shape: readonly number[];
  /** Components that computed it in f32 because half precision overflowed, by their names; absent where none did. */
  readonly inF32?: readonly string[] | undefined;
}

/**
 * Components that computed any of these in f32 for want of range.
 *
 * @internal
 */
export function joinedF32(
  embeddings: readonly (Pick<Embedding, "inF32"> | undefined)[],
): readonly string[] | undefined {
  const names = new Set(embeddings.flatMap((one) => one?.inF32 ?? []));
  return names.size > 0 ? [...names] : undefined;
}

/**
 * The rows of a batch `[B, ...]`, each an embedding of its own.
 *
 * @internal
 */
export function splitRows(data: Float32Array, shape: readonly number[], inF32?: readonly string[]): Embedding[] {
  const [batch = 0, ...row] = shape;
  const size = data.length / batch;
  return Array.from({ length: batch }, (_, i) => {
    const values = data.slice(i * size, (i + 1) * size);
    return inF32 ? { shape: row, data: values, inF32 } : { shape: row, data: values };
  });
}

/**
 * Uploads embeddings of one shape as a batch `[B, ...]`. The caller disposes it. Throws `ArgumentError` where shapes differ.
 *
 * @internal
 */
export function stackRows(arena: Arena, rows: readonly Embedding[], dtype?: DType): Tensor {
  const [first] = rows;
  if (!first) throw new InternalError("A batch needs at least one embedding.");
  const data = new Float32Array(rows.length * first.data.length);
  for (const [i, row] of rows.entries()) {
    if (row.shape.join() !== first.shape.join()) {
      throw new ArgumentError(
        "imageEmbed",
        `Embeddings of shapes [${first.shape.join(", ")}] and [${row.shape.join(", ")}] in one batch.`,
        { code: "argument/mismatch" },
      );
    }
    data.set(row.data, i * first.data.length);
  }
  return arena.from(data, [rows.length, ...first.shape], dtype);
}
