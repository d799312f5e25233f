import type { Checkpoint } from "./checkpoint.js";
import { float32ToF16 } from "../tensor/half.js";
import { isFloat, toFloat32, type Dtype } from "./dtypes.js";
import { FormatError } from "./errors.js";
import { METADATA, writeSafetensors, type TensorData } from "./formats/safetensors.js";
import { rowsName, SPARSE_SHAPE } from "./formats/sparse-rows.js";
import type { TensorEntry } from "./tensor-entry.js";
import { CLIP_PREFIX } from "./tree/wrappers.js";

/** How to convert a checkpoint. */
export interface ConvertOptions {
  /**
   * Dtype of matrices and kernels. Default: that in the file. Vectors and scalars keep theirs: they have a thousandth of the
   * bytes, and the tables of a noise schedule among them do not survive f16.
   */
  readonly dtype?: "f16" | "f32";
  /** Names of tables to store by their rows that are not zero. */
  readonly sparseRows?: readonly string[];
  /** Metadata of the file besides version and config. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Bytes that are read, converted and written at a time. A few such arrays wait for garbage collection. */
const CHUNK_BYTES = 8 * 2 ** 20;

/**
 * The bytes of a safetensors file with a checkpoint's model, its CLIP, version and config. They are made as they are
 * consumed, so host memory stays near a few chunks. Tensors of unsupported types are left out (`unsupportedTensors`). Throws
 * FormatError for a value that f16 cannot represent.
 */
export async function* convertedBytes(
  checkpoint: Checkpoint,
  options: ConvertOptions = {},
): AsyncGenerator<Uint8Array> {
  const absent = options.sparseRows?.find((name) => !checkpoint.tensors.has(name));
  if (absent !== undefined)
    throw new FormatError(checkpoint.name, `has no tensor ${absent}, which was to be stored by rows`);
  const tensors: TensorData[] = [];
  const sparseShapes: Record<string, readonly number[]> = {};
  for (const entry of allTensors(checkpoint)) {
    if (entry.dtype === "unsupported") continue;
    if (entry.name === METADATA)
      throw new FormatError(
        checkpoint.name,
        `a tensor has the name ${METADATA}, which a safetensors file cannot contain`,
      );
    const dtype = storedDtype(entry.dtype, entry.shape, options.dtype);
    if (!options.sparseRows?.includes(entry.name)) {
      tensors.push({
        name: entry.name,
        dtype,
        shape: entry.shape,
        chunks: () => allRows(entry, dtype, options.signal),
      });
      continue;
    }
    const rows = await usedRows(entry, options.signal);
    sparseShapes[entry.name] = entry.shape;
    tensors.push(
      {
        name: entry.name,
        dtype,
        shape: [rows.length, ...entry.shape.slice(1)],
        chunks: () => someRows(entry, rows, dtype, options.signal),
      },
      { name: rowsName(entry.name), dtype: "I32", shape: [rows.length], chunks: () => [new Uint8Array(rows.buffer)] },
    );
  }
  yield* writeSafetensors(tensors, convertedMetadata(checkpoint, sparseShapes, options.metadata));
}

/** The tensors that a converted checkpoint leaves out, because this library does not support their type. */
export function unsupportedTensors(checkpoint: Checkpoint): readonly TensorEntry[] {
  return allTensors(checkpoint).filter(({ dtype }) => dtype === "unsupported");
}

function allTensors({ tensors, clip }: Checkpoint): readonly TensorEntry[] {
  return [...tensors.values(), ...[...clip.values()].map((entry) => entry.renamed(CLIP_PREFIX + entry.name))];
}

function convertedMetadata(
  checkpoint: Checkpoint,
  sparseShapes: Record<string, readonly number[]>,
  more: Readonly<Record<string, string>> = {},
) {
  const metadata = new Map([["format", "dalle2-webgpu"]]);
  if (checkpoint.version !== undefined) metadata.set("version", checkpoint.version);
  for (const [key, value] of Object.entries(more)) metadata.set(key, value);
  if (checkpoint.config !== undefined) metadata.set("config", JSON.stringify(checkpoint.config));
  if (Object.keys(sparseShapes).length > 0) metadata.set(SPARSE_SHAPE, JSON.stringify(sparseShapes));
  return metadata;
}

function storedDtype(dtype: Dtype, shape: readonly number[], wanted: "f16" | "f32" | undefined): Dtype {
  if (wanted === undefined || !isFloat(dtype) || shape.length < 2) return dtype;
  return wanted === "f16" ? "F16" : "F32";
}

async function* allRows(entry: TensorEntry, dtype: Dtype, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of entry.readChunks(CHUNK_BYTES, signal)) yield convertBytes(entry, bytes, dtype);
}

async function* someRows(
  entry: TensorEntry,
  rows: Int32Array,
  dtype: Dtype,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let next = 0;
  for await (const { rows: range, bytes } of entry.readChunks(CHUNK_BYTES, signal))
    for (; next < rows.length && rows[next]! < range[1]; next++) {
      const start = (rows[next]! - range[0]) * entry.rowBytes;
      yield convertBytes(entry, bytes.subarray(start, start + entry.rowBytes), dtype);
    }
}

async function usedRows(entry: TensorEntry, signal?: AbortSignal): Promise<Int32Array<ArrayBuffer>> {
  const used: number[] = [];
  for await (const { rows, bytes } of entry.readChunks(CHUNK_BYTES, signal))
    for (let row = rows[0]; row < rows[1]; row++) {
      const start = (row - rows[0]) * entry.rowBytes;
      // A row of negative zeros has bytes that are not zero, and is kept.
      if (bytes.subarray(start, start + entry.rowBytes).some((byte) => byte !== 0)) used.push(row);
    }
  return Int32Array.from(used);
}

function convertBytes(entry: TensorEntry, bytes: Uint8Array, dtype: Dtype): Uint8Array {
  if (dtype === entry.dtype) return bytes;
  const values = toFloat32(entry.dtype, bytes);
  if (dtype !== "F16") return new Uint8Array(values.buffer);
  const halves = float32ToF16(values);
  checkOverflow(entry.name, values, halves);
  return new Uint8Array(halves.buffer);
}

/** Throws FormatError if a finite value became infinite. */
function checkOverflow(name: string, values: Float32Array, halves: Uint16Array): void {
  for (let i = 0; i < halves.length; i++)
    if ((halves[i]! & 0x7fff) === 0x7c00 && Number.isFinite(values[i]))
      throw new FormatError(name, `the value ${values[i]} does not fit into f16, whose largest value is 65504`, {
        advice: "convert to f32",
      });
}
