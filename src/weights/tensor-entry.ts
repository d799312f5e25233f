import { ArgumentError } from "../platform/arguments.js";
import { DTYPE_BYTES, elementCount, type Dtype, type EntryDtype } from "./dtypes.js";
import { excerpt } from "../platform/printable.js";
import { UnsupportedError } from "./unsupported-error.js";

/** Rows `[start, end)` of a tensor's first axis. */
export type RowRange = readonly [start: number, end: number];

/** Consecutive rows of a tensor and their bytes, row-major. */
export interface TensorChunk {
  /** Which rows they are. */
  readonly rows: RowRange;
  /** Their bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Gives the row-major bytes of rows `[start, end)`; the range has been checked, and holds at least one byte. */
export type RowReader = (rows: RowRange, signal?: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>;

/** Host memory that one chunk of a tensor may take: 64 MiB. */
export const MAX_CHUNK_BYTES = 64 * 2 ** 20;

// A whole tensor in one array. The largest real one, ViT-bigG's token table, has 253 MB.
const MAX_READ_BYTES = 2 ** 30;

/** What a file says of a tensor whose values this library does not read. */
export interface UnsupportedTensor {
  /** The element type by the file's name for it. */
  readonly typeName: string;
  /** Why it is not read. */
  readonly problem: string;
  /** The file, for messages. */
  readonly source: string;
}

/**
 * A tensor in a checkpoint: what it is, and how to read it. Nothing of it is in memory before `read`.
 * Whatever its layout in the file, bytes come contiguous, row-major and little-endian.
 */
export class TensorEntry {
  /** Extent of the first axis; 1 for a scalar. */
  readonly rowCount: number;
  /** 0 where the values cannot be read. */
  readonly rowBytes: number;

  constructor(
    /** Its name in the model. */
    readonly name: string,
    /** The element type; of a tensor that cannot be read, what is known of it instead. */
    private readonly type: Dtype | UnsupportedTensor,
    /** Lengths of its axes. */
    readonly shape: readonly number[],
    /** Needless where the values cannot be read. */
    private readonly readRows: RowReader = () => Promise.resolve(new Uint8Array(0)),
  ) {
    this.rowCount = shape[0] ?? 1;
    this.rowBytes = typeof type === "string" ? elementCount(shape.slice(1)) * DTYPE_BYTES[type] : 0;
  }

  /** "unsupported" for a tensor whose values cannot be read. */
  get dtype(): EntryDtype {
    return typeof this.type === "string" ? this.type : "unsupported";
  }

  /** Why its values cannot be read, and what they are; undefined where they can. */
  get unsupported(): UnsupportedTensor | undefined {
    return typeof this.type === "string" ? undefined : this.type;
  }

  /** The element type's name, for messages and reports: that in the file, where it is not one of ours. */
  get typeName(): string {
    return this.unsupported?.typeName ?? this.dtype;
  }

  /** The element type of a tensor that is to be read. Throws UnsupportedError where its values are not read. */
  get readableDtype(): Dtype {
    if (typeof this.type === "string") return this.type;
    throw unreadable(this.name, this.type);
  }

  /** The same tensor under another name. */
  renamed(name: string): TensorEntry {
    return new TensorEntry(name, this.type, this.shape, this.readRows);
  }

  /** Bytes of the whole tensor. */
  get byteLength(): number {
    return this.rowCount * this.rowBytes;
  }

  /**
   * Bytes of rows `[start, end)` of the first axis, or of all; at most 1 GiB at once. Rejects with UnsupportedError where
   * the values cannot be read.
   */
  async read(rows: RowRange = [0, this.rowCount], signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    if (typeof this.type !== "string") throw unreadable(this.name, this.type);
    const [start, end] = rows;
    if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= this.rowCount))
      throw new ArgumentError(
        "rows",
        `tensor ${this.name} has rows 0 to ${this.rowCount}; rows ${start} to ${end} were asked for`,
      );
    const length = (end - start) * this.rowBytes;
    if (length > MAX_READ_BYTES && end - start === 1)
      throw new UnsupportedError(
        `Tensor ${excerpt(this.name)} has ${length} bytes along its first axis; at most ${MAX_READ_BYTES} are read at once.`,
      );
    if (length > MAX_READ_BYTES)
      throw new ArgumentError("rows", `tensor ${this.name}: ${length} bytes in one read`, {
        advice: "read it in chunks or by rows",
      });
    signal?.throwIfAborted();
    return length === 0 ? new Uint8Array(0) : this.readRows(rows, signal);
  }

  /** The tensor's rows in order, in chunks of at most `maxBytes`, or of one row where a row is larger. */
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
