import { ArgumentError } from "../platform/arguments.js";
import { DTYPE_BYTES, elementCount, type Dtype, type EntryDtype } from "./dtypes.js";
import { excerpt } from "../platform/printable.js";
import { UnsupportedError } from "./unsupported-error.js";

/** Rows `[start, end)` of a tensor's first axis. */
export type RowRange = readonly [start: number, end: number];

/** Consecutive rows of a tensor: their bytes, row-major. */
export interface TensorChunk {
  /** Which rows they are. */
  readonly rows: RowRange;
  /** Their bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Reads the row-major bytes of rows `[start, end)`. The range is valid and not empty. */
export type RowReader = (rows: RowRange, signal?: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>;

/** Host memory for one chunk of a tensor: 64 MiB. */
export const MAX_CHUNK_BYTES = 64 * 2 ** 20;

// Limit for a tensor in one array. The largest real one, ViT-bigG's token table, has 253 MB.
const MAX_READ_BYTES = 2 ** 30;

/** A tensor with an unsupported element type, as the file describes it. */
export interface UnsupportedTensor {
  /** The file's name for the element type. */
  readonly typeName: string;
  /** Why it is not supported. */
  readonly problem: string;
  /** The file, for messages. */
  readonly source: string;
}

/**
 * A tensor in a checkpoint. `read` reads it from the file each time. Its bytes come contiguous, row-major and little-endian,
 * whatever the layout in the file.
 */
export class TensorEntry {
  /** Size of the first axis; 1 for a scalar. */
  readonly rowCount: number;
  /** 0 if the values cannot be read. */
  readonly rowBytes: number;

  constructor(
    /** Its name in the model. */
    readonly name: string,
    /** The element type, or a description if the tensor cannot be read. */
    private readonly type: Dtype | UnsupportedTensor,
    /** Lengths of its axes. */
    readonly shape: readonly number[],
    /** Not needed if the values cannot be read. */
    private readonly readRows: RowReader = () => Promise.resolve(new Uint8Array(0)),
    /** About where it begins in its file, in bytes: a file that is being downloaded is read in its own order. */
    readonly position = 0,
  ) {
    this.rowCount = shape[0] ?? 1;
    this.rowBytes = typeof type === "string" ? elementCount(shape.slice(1)) * DTYPE_BYTES[type] : 0;
  }

  /** "unsupported" if the values cannot be read. */
  get dtype(): EntryDtype {
    return typeof this.type === "string" ? this.type : "unsupported";
  }

  /** The type and the reason if the values cannot be read; else undefined. */
  get unsupported(): UnsupportedTensor | undefined {
    return typeof this.type === "string" ? undefined : this.type;
  }

  /** Name of the element type, for messages and reports: the file's own name for unsupported types. */
  get typeName(): string {
    return this.unsupported?.typeName ?? this.dtype;
  }

  /** The element type. Throws UnsupportedError if the values cannot be read. */
  get readableDtype(): Dtype {
    if (typeof this.type === "string") return this.type;
    throw unreadable(this.name, this.type);
  }

  /** The same tensor under another name. */
  renamed(name: string): TensorEntry {
    return new TensorEntry(name, this.type, this.shape, this.readRows, this.position);
  }

  /** Bytes of the whole tensor. */
  get byteLength(): number {
    return this.rowCount * this.rowBytes;
  }

  /**
   * Reads the bytes of rows `[start, end)` of the first axis, or of all rows; at most 1 GiB at once. Rejects with
   * UnsupportedError if the values cannot be read.
   */
  async read(rows: RowRange = [0, this.rowCount], signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    if (typeof this.type !== "string") throw unreadable(this.name, this.type);
    const [start, end] = rows;
    if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= this.rowCount))
      throw new ArgumentError(
        "rows",
        `tensor ${this.name} has rows 0 to ${this.rowCount}; rows ${start} to ${end} were requested`,
      );
    const length = (end - start) * this.rowBytes;
    if (length > MAX_READ_BYTES && end - start === 1)
      throw new UnsupportedError(
        `Tensor ${excerpt(this.name)} has ${length} bytes in one row; the limit for one read is ${MAX_READ_BYTES}.`,
      );
    if (length > MAX_READ_BYTES)
      throw new ArgumentError("rows", `tensor ${this.name}: ${length} bytes are too many for one read`, {
        advice: "read it in chunks or by rows",
      });
    signal?.throwIfAborted();
    return length === 0 ? new Uint8Array(0) : this.readRows(rows, signal);
  }

  /** Reads the tensor's rows in order, in chunks of at most `maxBytes`, or of one row if a row is larger. */
  async *readChunks(maxBytes = MAX_CHUNK_BYTES, signal?: AbortSignal): AsyncGenerator<TensorChunk> {
    if (this.byteLength === 0 && !this.unsupported) return;
    const step = Math.max(1, Math.floor(maxBytes / Math.max(1, this.rowBytes)));
    for (let start = 0; start < this.rowCount; start += step) {
      const rows: RowRange = [start, Math.min(start + step, this.rowCount)];
      yield { rows, bytes: await this.read(rows, signal) };
    }
  }
}

function unreadable(name: string, { source, typeName, problem }: UnsupportedTensor): UnsupportedError {
  return new UnsupportedError(`${source}: tensor ${excerpt(name)} is of type ${typeName}: ${problem}.`);
}
