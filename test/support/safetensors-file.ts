import { toFloat32 } from "../../src/weights/dtypes.js";
import { writeSafetensors } from "../../src/weights/formats/safetensors.js";
import type { TensorEntry } from "../../src/weights/tensor-entry.js";
import { collect } from "./collect.js";

/** Tensors of f32, by name. */
export type StoredTensors = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>
>;

/** The bytes of a safetensors file. */
export async function safetensorsFile(tensors: StoredTensors): Promise<Buffer> {
  const entries = Object.entries(tensors).map(([name, { shape, values }]) => ({
    name,
    dtype: "F32" as const,
    shape,
    chunks: () => [new Uint8Array(Float32Array.from(values).buffer)],
  }));
  return Buffer.concat(await collect(writeSafetensors(entries, new Map())));
}

/** The values of a stored tensor. */
export async function floatsOf(entry: TensorEntry): Promise<Float32Array> {
  return toFloat32(entry.dtype, await entry.read());
}
