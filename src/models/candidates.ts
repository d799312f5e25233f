import { concatTokens } from "../ops/layout.js";
import type { Tensor } from "../tensor/tensor.js";
import type { TextMaskRows } from "./interfaces.js";

// A prior may sample several image embeddings for each text, of which the most similar one is kept.

/** Repeats each row of a batch `count` times: `[B, ...]` to `[B · count, ...]`. Copies of a row are side by side. */
export function repeatRows(x: Tensor, count: number): Tensor {
  const [batch = 0, ...row] = x.shape;
  const width = row.at(-1) ?? 1;
  const length = row.slice(0, -1).reduce((product, size) => product * size, 1);
  const copies = new Array<Tensor>(count).fill(x.reshape([batch, length, width]));
  return concatTokens(copies).reshape([batch * count, ...row]);
}

/** The same for masks. */
export function repeatMasks(mask: TextMaskRows | undefined, count: number): TextMaskRows | undefined {
  return mask?.flatMap((row) => new Array<typeof row>(count).fill(row));
}

/**
 * For each text, the candidate with the largest cosine similarity to it. `texts` and `candidates` are rows of `dim` values; the
 * `count` candidates of a text are side by side.
 */
export function bestCandidates(
  texts: Float32Array,
  candidates: Float32Array,
  count: number,
  dim: number,
): Float32Array {
  const best = new Float32Array(texts.length);
  for (let start = 0; start < texts.length; start += dim) {
    const text = texts.subarray(start, start + dim);
    const rows = Array.from({ length: count }, (_, i) =>
      candidates.subarray(start * count + i * dim, start * count + (i + 1) * dim),
    );
    const similarities = rows.map((row) => cosine(text, row));
    // For vectors without a direction, as in a dry run, the first.
    best.set(rows[Math.max(0, similarities.indexOf(Math.max(...similarities)))]!, start);
  }
  return best;
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (const [i, x] of a.entries()) {
    dot += x * b[i]!;
    aa += x * x;
    bb += b[i]! * b[i]!;
  }
  return dot / Math.sqrt(aa * bb);
}
