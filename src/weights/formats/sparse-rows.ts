// Tables stored by their used rows. A CLIP trained on few words uses few of its 49408 token embeddings; the rest are zero.
// Such a table NAME is stored as NAME `[n, ...]`, the rows that are not zero, and NAME.rows `[n]` (I32), their row numbers
// in ascending order. The file's metadata `sparse_shape` has the full shapes: `{"NAME": [49408, 128]}`.
import { jsonProblem, parseJson } from "../../platform/json.js";
import { FormatError } from "../errors.js";
import { excerpt } from "../../platform/printable.js";
import { TensorEntry, type RowReader } from "../tensor-entry.js";

/** The metadata key with JSON that maps tables stored by rows to their full shapes. */
export const SPARSE_SHAPE = "sparse_shape";

/** The name of the tensor with the row numbers of table `name`. */
export function rowsName(name: string): string {
  return `${name}.rows`;
}

/** Replaces stored rows and row numbers by full tables. Rejects with FormatError. */
export async function restoreSparseRows(
  tensors: ReadonlyMap<string, TensorEntry>,
  shapesJson: string,
  source: string,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, TensorEntry>> {
  const restored = new Map(tensors);
  for (const [name, shape] of parseShapes(shapesJson, source)) {
    const stored = tensors.get(name);
    const numbers = tensors.get(rowsName(name));
    if (!stored || !numbers)
      throw new FormatError(source, `${SPARSE_SHAPE} names ${excerpt(name)}, whose rows are not in the file`);
    const rows = await readRowNumbers(numbers, source, signal);
    checkFit(stored, rows, shape, source);
    restored.delete(rowsName(name));
    restored.set(name, sparseEntry(stored, rows, shape));
  }
  return restored;
}

function parseShapes(json: string, source: string): [string, number[]][] {
  let shapes: unknown;
  try {
    shapes = parseJson(json, { takesProtoKey: true });
  } catch (cause) {
    throw new FormatError(source, `metadata ${SPARSE_SHAPE} ${jsonProblem(cause)}`, { cause });
  }
  const isShape = (shape: unknown) =>
    Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (typeof shapes !== "object" || shapes === null || !Object.values(shapes).every(isShape))
    throw new FormatError(source, `metadata ${SPARSE_SHAPE} does not map names to shapes`);
  return Object.entries(shapes) as [string, number[]][];
}

async function readRowNumbers(numbers: TensorEntry, source: string, signal?: AbortSignal): Promise<Int32Array> {
  if (numbers.dtype !== "I32" || numbers.shape.length !== 1)
    throw new FormatError(
      source,
      `tensor ${numbers.name} is ${numbers.dtype} [${numbers.shape.join(", ")}], expected I32 [n]`,
    );
  return new Int32Array((await numbers.read(undefined, signal)).buffer);
}

function checkFit(stored: TensorEntry, rows: Int32Array, shape: readonly number[], source: string): void {
  const ascending = rows.every((row, i) => row > (i === 0 ? -1 : rows[i - 1]!) && row < shape[0]!);
  const sameRow =
    shape.length === stored.shape.length && shape.slice(1).every((size, i) => size === stored.shape[i + 1]);
  if (!ascending || !sameRow || rows.length !== stored.rowCount)
    throw new FormatError(
      source,
      `tensor ${stored.name}: ${rows.length} row numbers and rows [${stored.shape.join(", ")}] do not fit the shape [${shape.join(", ")}]`,
    );
}

function sparseEntry(stored: TensorEntry, rows: Int32Array, shape: readonly number[]): TensorEntry {
  const { name, dtype, rowBytes } = stored;
  if (dtype === "unsupported") return stored;
  const read: RowReader = async ([start, end], signal) => {
    const first = lowerBound(rows, start);
    const last = lowerBound(rows, end);
    const bytes = new Uint8Array((end - start) * rowBytes);
    const used = await stored.read([first, last], signal);
    for (let i = first; i < last; i++) {
      const from = (i - first) * rowBytes;
      bytes.set(used.subarray(from, from + rowBytes), (rows[i]! - start) * rowBytes);
    }
    return bytes;
  };
  return new TensorEntry(name, dtype, shape, read, stored.position);
}

/** The first position in ascending `values` with a value of at least `least`. */
function lowerBound(values: Int32Array, least: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
