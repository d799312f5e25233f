import { checkRange, FileError } from "./errors.js";

/**
 * Random access to the bytes of a file, a blob, a URL or memory. `read` gives exactly `length` bytes in a new array whose
 * buffer starts at offset 0, so callers may keep it, change it and view it as any typed array. Rejects with FileError if the
 * range is outside the source.
 */
export interface ByteSource {
  /** Path, URL or file name, for messages. */
  readonly name: string;
  /** Length in bytes. */
  readonly size: number;
  /** Reads `length` bytes from `offset`. */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * For a file that is being downloaded: resolves once it is complete, and everything that was read of it is verified. Rejects with
   * FileError. Absent for files that are complete.
   */
  complete?(signal?: AbortSignal): Promise<void>;
  /** Opens a file by its path from this one. Absent where `name` is a path or URL that it can be found by. */
  openBeside?(path: string): Promise<ByteSource>;
  /** Releases the file or connection. */
  close(): Promise<void>;
}

/** A source over bytes in memory. */
export class MemorySource implements ByteSource {
  readonly size: number;

  constructor(
    private readonly bytes: Uint8Array,
    readonly name = "memory",
  ) {
    this.size = bytes.byteLength;
  }

  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    // In a continuation, so that an invalid range rejects as in every other source instead of throwing.
    return Promise.resolve().then(() => {
      signal?.throwIfAborted();
      checkRange(this.name, this.size, offset, length);
      return new Uint8Array(this.bytes.subarray(offset, offset + length));
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A source over a Blob or a File that the user picked or dropped. */
export class BlobSource implements ByteSource {
  readonly size: number;

  constructor(
    private readonly blob: Blob,
    readonly name: string = blob instanceof File ? blob.name : "blob",
  ) {
    this.size = blob.size;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    signal?.throwIfAborted();
    checkRange(this.name, this.size, offset, length);
    try {
      return new Uint8Array(await this.blob.slice(offset, offset + length).arrayBuffer());
    } catch (cause) {
      throw new FileError(
        this.name,
        "could not be read; the file may have been changed or removed since the user picked it",
        {
          cause,
        },
      );
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
