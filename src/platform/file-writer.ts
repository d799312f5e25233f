/** A file being written. */
export interface FileWriter {
  /** Rejects with FileError, also if the disk is full. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Reads bytes that were written, of the first `readableBytes`. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** How far `read` can read before the file is closed: Infinity except where writes are to a copy of the file. */
  readonly readableBytes: number;
  /** Closes the file. Written bytes then survive the process and, if the system supports it, a crash of the system. */
  close(): Promise<void>;
}
