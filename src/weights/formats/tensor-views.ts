// Tensors made from others in the file, for state dicts that split the same weights in another way.
import { DTYPE_BYTES } from "../dtypes.js";
import { gather } from "./strided.js";
import { TensorEntry, type RowReader } from "../tensor-entry.js";

/** Concatenates the rows of several tensors. Undefined if their types or rows differ. */
export function concatRows(name: string, parts: readonly TensorEntry[]): TensorEntry | undefined {
  const [first] = parts;
  const rowOf = ({ typeName, shape }: TensorEntry): string => [typeName, ...shape.slice(1)].join();
  if (!first || parts.some((part) => rowOf(part) !== rowOf(first))) return undefined;
  const rowCount = parts.reduce((sum, part) => sum + part.rowCount, 0);
  const shape = [rowCount, ...first.shape.slice(1)];
  if (first.unsupported) return new TensorEntry(name, first.unsupported, shape);
  const read: RowReader = async ([start, end], signal) => {
    const bytes = new Uint8Array((end - start) * first.rowBytes);
    let offset = 0;
    for (const part of parts) {
      const from = Math.max(start, offset);
      const to = Math.min(end, offset + part.rowCount);
      if (from < to) bytes.set(await part.read([from - offset, to - offset], signal), (from - start) * first.rowBytes);
      offset += part.rowCount;
    }
    return bytes;
  };
  return new TensorEntry(name, first.readableDtype, shape, read, Math.max(...parts.map(({ position }) => position)));
}

/** A transposed matrix. Reading any rows reads the whole matrix. */
export function transposed(name: string, entry: TensorEntry): TensorEntry {
  const [rows, columns] = entry.shape as [number, number];
  if (entry.unsupported) return new TensorEntry(name, entry.unsupported, [columns, rows]);
  const dtype = entry.readableDtype;
  const read: RowReader = async ([start, end], signal) => {
    const bytes = await entry.read(undefined, signal);
    const view = { shape: [end - start, rows], strides: [1, columns] };
    return gather(bytes.slice(start * DTYPE_BYTES[dtype]), DTYPE_BYTES[dtype], view);
  };
  return new TensorEntry(name, dtype, [columns, rows], read, entry.position);
}
