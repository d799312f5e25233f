import { cast } from "../../ops/layout.js";
import { l2Norm } from "../../ops/norm.js";
import { selectRows } from "../../ops/select.js";
import type { Arena } from "../../tensor/arena.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { TableReader } from "../../weights/store.js";

/** Rows of tokens, each cut or padded to `length`. Default: padded with zeros. */
export function fittedRows(tokens: readonly Int32Array[], length: number, padding = 0): Int32Array[] {
  return tokens.map((row) => {
    const text = new Int32Array(length).fill(padding);
    text.set(row.subarray(0, length));
    return text;
  });
}

/** The length of rows of tokens in CLIPs that accept any length up to their context: that of the longest. */
export function commonLength(tokens: readonly Int32Array[], contextLength: number): number {
  return Math.min(contextLength, Math.max(1, ...tokens.map((row) => row.length)));
}

/** The embeddings of all tokens of all texts, `[texts · length, dim]`; zeros in a dry run. */
export async function readEmbeddings(
  { stream: { isDryRun } }: Arena,
  table: TableReader,
  texts: readonly Int32Array[],
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const tokens = texts.flatMap((text) => [...text]);
  return isDryRun ? new Float32Array(tokens.length * table.dim) : table.read(tokens, signal);
}

/** Encodings `[texts, length, width]` with zeros where a text's mask is 0. */
export function zeroPadding(encodings: Tensor, masks: readonly (readonly number[])[]): Tensor {
  const { arena } = encodings;
  const [batch, length, width] = encodings.shape as [number, number, number];
  return selectRows({
    tokens: encodings,
    fallback: arena.from(new Float32Array(length * width), [length, width]),
    mask: arena.from(masks.flat(), [batch, length], "u32"),
    keepMask: masks.map(() => 1),
  });
}

/** An embedding as adapters return it: f32, of unit length. */
export function unitEmbedding(x: Tensor): Tensor {
  return l2Norm(cast(x, "f32"));
}
