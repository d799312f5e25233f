import { checkRange, FileError } from "./errors.js";

/**
 * Random access to the bytes of a file, a blob, a URL or memory.
 * `read` gives exactly `length` bytes in a fresh array whose buffer starts at offset 0, so it may be kept, changed and
 * viewed as any typed array; a range outside the source rejects with FileError.
 */
export interface ByteSource {
  /** Path, URL or file name, for messages. */
  readonly name: string;
  /** Length in bytes. */
  readonly size: number;
  /** The bytes from `offset` on. */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  /** Gives back what the source holds open. */
  close(): Promise<void>;
}

/** A source over bytes that are in memory already. */
export class MemorySource implements ByteSource {
  readonly size: number;

  constructor(
    private readonly bytes: Uint8Array,
    readonly name = "memory",
  ) {
    this.size = bytes.byteLength;
  }

  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    // In a continuation, so that a bad range rejects as it does for every other source, and never throws.
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
      throw new FileError(this.name, "could not be read; was the file changed or removed since it was picked?", {
        cause,
      });
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
