import type { Dtype } from "../../src/weights/dtypes.js";
import type { TensorSource } from "../../src/weights/tensor-source.js";
import { TensorEntry } from "../../src/weights/tensor-entry.js";
import { float32ToF16 } from "../../src/tensor/half.js";
import type { Listed } from "./full-size.js";
import { Random } from "./gpu.js";

/** Values of a block, a prime number, so that rows of a tensor differ. */
const BLOCK = 1048573;

/**
 * Tensors with random values that keep activations near 1, made when they are read: as many as one likes take no memory and no disk.
 */
export function randomSource(tensors: readonly Listed[], dtype: "F32" | "F16"): TensorSource {
  const normals = new Random(17).normals(BLOCK);
  const blocks = new Map<string, Uint8Array>();
  const blockOf = (mean: number, deviation: number): Uint8Array => {
    const key = `${mean} ${deviation}`;
    const block =
      blocks.get(key) ??
      bytesOf(
        dtype,
        normals.map((value) => mean + deviation * value),
      );
    blocks.set(key, block);
    return block;
  };
  const entries = tensors.map(({ name, shape }, i) => {
    const rowSize = shape.slice(1).reduce((product, size) => product * size, 1);
    const isGain = /norm\w*\.weight$/.test(name) && shape.length === 1;
    // Embeddings are looked up, and not summed over.
    const isTable = name.includes("embedding") && !/linear|proj/.test(name);
    const deviation = shape.length === 1 ? 0.1 : isTable ? 0.02 : 1 / Math.sqrt(rowSize);
    const read = ([start, end]: readonly [number, number]) => {
      const block = blockOf(isGain ? 1 : 0, deviation);
      return Promise.resolve(repeated(block, start * entry.rowBytes + 1e6 * i, (end - start) * entry.rowBytes));
    };
    const entry: TensorEntry = new TensorEntry(name, dtype satisfies Dtype, shape, read, i);
    return [name, entry] as const;
  });
  return { name: "random.safetensors", tensors: new Map(entries) };
}

function bytesOf(dtype: "F32" | "F16", values: Float32Array): Uint8Array {
  return new Uint8Array((dtype === "F16" ? float32ToF16(values) : values).buffer);
}

/** Bytes of an endless repetition of a block, from one of its bytes on. */
function repeated(block: Uint8Array, from: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const start = (from + at) % block.length;
    const part = block.subarray(start, Math.min(block.length, start + length - at));
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
