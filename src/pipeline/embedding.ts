import { ArgumentError } from "../platform/arguments.js";
import { InternalError } from "../platform/internal-error.js";
import type { Arena } from "../tensor/arena.js";
import type { DType } from "../tensor/dtype.js";
import type { HostTensor } from "../tensor/host-tensor.js";
import type { Tensor } from "../tensor/tensor.js";

/** One row of a batch, on the host: an embedding, or the pixels of an image or a mask. */
export interface Row extends HostTensor {
  /** Lengths of its axes, without that of the batch. */
  readonly shape: readonly number[];
}

/** An embedding that CLIP or the prior computed. It is in host memory, so there is nothing to dispose. */
export interface Embedding extends Row {
  /** `[D]` for a text embedding or an image embedding, `[L, W]` for text encodings. */
  readonly shape: readonly number[];
  /** Names of the components that computed it in f32 because f16 overflowed. Absent if none did. */
  readonly inF32?: readonly string[] | undefined;
}

/**
 * Names of the components that computed any of these in f32 because f16 overflowed; undefined if none did.
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
 * Splits a batch `[B, ...]` into embeddings.
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
 * Uploads embeddings as a batch `[B, ...]`. The caller disposes it. Throws `ArgumentError` if their shapes differ.
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
        `Embeddings in one batch must have the same shape, got [${first.shape.join(", ")}] and [${row.shape.join(", ")}].`,
        { code: "argument/mismatch" },
      );
    }
    data.set(row.data, i * first.data.length);
  }
  return arena.from(data, [rows.length, ...first.shape], dtype);
}

/** An image embedding, and the one that a decoder is guided away from. */
export interface EmbeddingPair {
  /** `[dimLatent]`, as a decoder takes it. */
  readonly embedding: Embedding;
  /** Of the negative prompt; undefined if there is none, or if the prior makes them in a run of their own. */
  readonly negative: Embedding | undefined;
}
